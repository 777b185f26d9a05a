//! How accounts are reached.

use picora_core::AccountId;
use picora_media::{Contact, EmailAddress};

use crate::SqlConn;
use crate::connection::{execute, select};
use crate::error::Fault;

/// See [`Contacts::contact`](picora_media::Contacts::contact).
pub(super) async fn at(
    conn: &mut SqlConn<'_>,
    account: AccountId,
) -> Result<Option<Contact>, Fault> {
    let rows = select!(
        conn,
        (Option<String>, i64),
        "SELECT email, early_notices FROM picora_account WHERE id = $1",
        &account.as_bytes()[..],
    );
    let Some((email, early_notices)) = rows.into_iter().next() else {
        return Ok(None);
    };
    let email = email.map(EmailAddress::new).transpose();
    Ok(Some(Contact {
        email: email.map_err(|_| Fault::Corrupt("an e-mail address is none"))?,
        early_notices: early_notices != 0,
    }))
}

pub(super) async fn set_email(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    email: Option<&EmailAddress>,
) -> Result<bool, Fault> {
    let changed = execute!(
        conn,
        "UPDATE picora_account SET email = $2 WHERE id = $1",
        &account.as_bytes()[..],
        email.map(EmailAddress::as_str),
    );
    Ok(changed == 1)
}

pub(super) async fn set_early_notices(
    conn: &mut SqlConn<'_>,
    account: AccountId,
    wanted: bool,
) -> Result<bool, Fault> {
    let changed = execute!(
        conn,
        "UPDATE picora_account SET early_notices = $2 WHERE id = $1",
        &account.as_bytes()[..],
        i64::from(wanted),
    );
    Ok(changed == 1)
}
