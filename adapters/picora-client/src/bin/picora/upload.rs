//! `picora upload`.

use std::path::{Path, PathBuf};

use futures::StreamExt;
use picora_client::{Error, Picora, Resource, Upload, kind_of};
use serde_json::json;

use crate::bars::Bars;
use crate::cli;
use crate::exit::Exit;
use crate::say;

/// How one file fared.
enum Fared {
    Stored(Resource),
    Failed(Error),
    /// Its name does not say what it is, and nobody else did.
    Unnamed,
}

/// Uploads the files, several at once, and tells of each when it is done.
pub(crate) async fn run(client: &Picora, what: &cli::Upload, as_json: bool) -> Exit {
    let bytes = what
        .files
        .iter()
        .filter_map(|file| Some(std::fs::metadata(file).ok()?.len()));
    let bars = Bars::new(what.files.len(), bytes.sum());
    let uploads = what.files.iter().map(|file| one(client, what, file, &bars));
    let mut under_way = futures::stream::iter(uploads).buffer_unordered(usize::from(what.jobs));
    let mut exit = Exit::Done;
    while let Some((file, fared)) = under_way.next().await {
        bars.aside(|| tell(file, &fared, as_json));
        exit = exit.max(match &fared {
            Fared::Stored(_) => Exit::Done,
            Fared::Failed(error) => Exit::of(error),
            Fared::Unnamed => Exit::Fault,
        });
    }
    bars.end();
    exit
}

async fn one<'a>(
    client: &Picora,
    what: &cli::Upload,
    file: &'a PathBuf,
    bars: &Bars,
) -> (&'a Path, Fared) {
    let Some(kind) = what.kind.map(cli::Kind::media).or_else(|| kind_of(file)) else {
        return (file, Fared::Unnamed);
    };
    let (bar, total) = (bars.file(file), bars.total());
    let moving = bar.clone();
    let upload = Upload::new(file, kind).progress(move |sent, of| {
        moving.set_length(of);
        // A repeated attempt begins at 0 again, and the bar of all goes back by as much.
        match sent.checked_sub(moving.position()) {
            Some(more) => total.inc(more),
            None => total.dec(moving.position() - sent),
        }
        moving.set_position(sent);
    });
    let upload = what.tags.iter().fold(upload, |upload, tag| upload.tag(tag));
    let upload = if what.private {
        upload.private()
    } else {
        upload
    };
    let fared = client
        .upload(&upload)
        .await
        .map_or_else(Fared::Failed, Fared::Stored);
    bar.finish_and_clear();
    (file, fared)
}

fn tell(file: &Path, fared: &Fared, as_json: bool) {
    let name = file.to_string_lossy();
    match fared {
        Fared::Stored(resource) if as_json => {
            say::value(&json!({"file": name, "resource": resource}))
        }
        Fared::Stored(resource) => {
            say::line(&format!("{} {} {name}", resource.id, resource.url));
        }
        Fared::Failed(error) => {
            say::complain(&say::sentence(&name, error));
            if as_json {
                say::value(&json!({"file": name, "error": say::fault(error)}));
            }
        }
        Fared::Unnamed => {
            let sentence = "its name does not say what it is; give --kind";
            say::complain(&format!("{name}: {sentence}"));
            if as_json {
                say::value(
                    &json!({"file": name, "error": {"code": null, "message": sentence, "requestId": null}}),
                );
            }
        }
    }
}
