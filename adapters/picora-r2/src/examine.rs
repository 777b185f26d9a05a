//! Is all well before work begins.

use async_trait::async_trait;
use picora_native::examine::Asker;
use picora_storage::{Examine, Trouble};

use crate::R2;
use crate::config::REGION;

#[async_trait]
impl Examine for R2 {
    async fn examine(&self) -> Result<(), Trouble> {
        let config = &self.wire.config;
        let asker = Asker {
            host: self.wire.host(),
            bucket: &config.bucket,
            region: REGION,
            access_key_id: &config.credentials.access_key_id,
            has_token: config.credentials.token.is_some(),
        };
        asker.examine(self).await
    }
}
