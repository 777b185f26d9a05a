//! What an alert says. Its subjects are given, byte by byte.

use picora_core::Dimension;

use super::AlertMail;
use super::number::human;

/// The words of one threshold of one dimension.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Words {
    label: &'static str,
    pub(super) subject: String,
    pub(super) consequence: &'static str,
}

/// The words for this threshold of this dimension, if there is such an alert.
///
/// **Source**: #216–#219 (subjects), C53 (labels), C54 (one subject at 100 %), C3 (110 and 120 are video's), #38–#42 and C4 (what follows).
pub(super) fn of(dimension: Dimension, permille: u16) -> Option<Words> {
    let (label, soon, now) = match dimension {
        Dimension::ImgStorage => ("image storage", IMAGES_SOON, IMAGES_NOW),
        Dimension::ImgBandwidth => ("image bandwidth", SLOWER_SOON, SLOWER_NOW),
        Dimension::MediaStorage => ("media storage", MEDIA_SOON, MEDIA_NOW),
        Dimension::MediaBandwidth => ("video bandwidth", VIDEO_SOON, VIDEO_NOW),
        Dimension::DocCount => ("documents", DOCUMENTS_SOON, DOCUMENTS_NOW),
        Dimension::DocMaxFile
        | Dimension::DocMaxImagesPerDoc
        | Dimension::UploadsPerDay
        | Dimension::UploadsPerMonth => return None,
    };
    let video = dimension == Dimension::MediaBandwidth;
    let (subject, consequence) = match permille {
        800 => (format!("Picora — heads up: 80% of your {label} used"), soon),
        1000 => (EXHAUSTED.to_owned(), now),
        1100 if video => (EXCEEDED.to_owned(), VIDEO_EXCEEDED),
        1200 if video => (SUSPENDED.to_owned(), VIDEO_SUSPENDED),
        _ => return None,
    };
    Some(Words {
        label,
        subject,
        consequence,
    })
}

impl Words {
    /// How much of how much, in which month.
    pub(super) fn numbers(&self, alert: &AlertMail<'_>) -> String {
        let unit = alert.dimension.unit();
        format!(
            "You have used {} of the {} of {} that your plan includes{}. This is {}% or more.",
            human(alert.used, unit),
            human(alert.limit, unit),
            self.label,
            alert.month(),
            alert.permille / 10,
        )
    }
}

const EXHAUSTED: &str = "Picora — quota exhausted, action needed";
const EXCEEDED: &str = "Picora — your video bandwidth is exceeded";
const SUSPENDED: &str = "Picora — video playback suspended";

const IMAGES_SOON: &str = "When it is full, new images are refused until you delete some or move to a larger plan. What is stored stays.";
const IMAGES_NOW: &str = "New images are refused until you delete some or move to a larger plan. What is stored stays, and is still served.";
const MEDIA_SOON: &str = "When it is full, new videos and audio files are refused until you delete some or move to a larger plan. What is stored stays.";
const MEDIA_NOW: &str = "New videos and audio files are refused until you delete some or move to a larger plan. What is stored stays, and is still served.";
const DOCUMENTS_SOON: &str = "When the limit is reached, new documents are refused until you delete some or move to a larger plan. What is stored stays.";
const DOCUMENTS_NOW: &str = "New documents are refused until you delete some or move to a larger plan. What is stored stays.";
const SLOWER_SOON: &str = "Beyond the limit, requests from outside for your images are slowed down. They are not cut off.";
const SLOWER_NOW: &str =
    "Requests from outside for your images are slowed down from here on. They are not cut off.";
const VIDEO_SOON: &str =
    "Beyond the limit, your videos play in 360p; beyond 120% of it, their playback is suspended.";
const VIDEO_NOW: &str = "Beyond the limit, your videos play in 360p; beyond 120% of it, their playback is suspended. A larger plan ends both at once.";
const VIDEO_EXCEEDED: &str = "Your videos play in 360p now. Beyond 120% of the limit, their playback is suspended. A larger plan ends both at once.";
const VIDEO_SUSPENDED: &str = "Beyond 120% of the limit, your videos are not played. Nothing is deleted, and a larger plan ends this at once.";
