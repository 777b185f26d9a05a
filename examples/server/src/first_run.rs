//! The first start in an empty folder: a demo account, and three lines that work as pasted.

use picora_core::PlanId;

use crate::app::{App, StartError};

/// Makes a demo account on the trial plan when there is no account yet, and prints how to use it. Its key is shown this once.
pub async fn welcome(app: &App) -> Result<(), StartError> {
    let failed = |error| StartError(format!("the demo account cannot be made: {error}"));
    if app.media.store().count_accounts().await.map_err(failed)? > 0 {
        return Ok(());
    }
    let trial = app.plans.plan(PlanId::Trial);
    let account = app
        .media
        .open_account(trial, app.config.uploads.max_open)
        .await
        .map_err(failed)?;
    let (_, secret) = app
        .media
        .issue_key(account.id, "demo")
        .await
        .map_err(failed)?;
    let (url, secret) = (&app.public_url, secret.reveal());
    println!("Picora serves at {url}. {}", whereabouts(app));
    println!();
    println!("A demo account on the plan `trial` was made. Its key is shown this once; try it:");
    println!();
    println!("  curl -H 'Authorization: Bearer {secret}' {url}/v1/user/me/usage");
    println!(
        "  printf '{PIXEL}' | curl -H 'Authorization: Bearer {secret}' -F 'file=@-;filename=pixel.gif' {url}/v1/images"
    );
    println!("  curl -H 'Authorization: Bearer {secret}' {url}/v1/images");
    println!();
    Ok(())
}

/// Where everything is.
fn whereabouts(app: &App) -> String {
    let (data, files) = (app.config.data_dir.display(), app.parts.files.place());
    match (app.config.database.url(), app.parts.files.are_in_a_bucket()) {
        (None, false) => format!("Its data is in {data}."),
        (None, true) => format!("Its database is in {data}, its files are in {files}."),
        (Some(url), _) => {
            let database = picora_sql::postgres::name(url);
            format!("Its database is {database}, its files are in {files}.")
        }
    }
}

/// A GIF of one pixel, as `printf` of any shell writes it.
const PIXEL: &str = r"GIF89a\001\000\001\000\200\000\000\000\000\000\377\377\377,\000\000\000\000\001\000\001\000\000\002\002D\001\000;";
