//! The removal of an account's keys.

use async_trait::async_trait;
use futures::future::try_join_all;
use picora_core::{AccountId, Timestamp};
use picora_quota::echo::{EchoErase, EchoError, keys_of};
use redis::Cmd;

use super::RedisEcho;
use super::write::epoch_key;

#[async_trait]
impl EchoErase for RedisEcho {
    /// The epochs go, too: an account that is erased is never heard of again.
    async fn erase(&self, account: AccountId, now: Timestamp) -> Result<(), EchoError> {
        let keys = keys_of(account, now).into_iter();
        let commands: Vec<Cmd> = keys
            .map(|key| Cmd::del(vec![epoch_key(&key), key])) // of one slot
            .collect();
        let sent = async {
            try_join_all(commands.iter().map(|it| self.link.run(it))).await?;
            Ok(())
        };
        self.guarded("erase an account", sent).await
    }
}
