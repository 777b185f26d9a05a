//! What a Markdown document embeds.

use pulldown_cmark::{Event, Parser, Tag};

/// Counts the images that a document embeds: inline, by reference, and as HTML `<img>` (#183).
///
/// An image inside a code block is text and does not count. A reference without its definition is text too.
///
/// ```
/// use picora_media::markdown::count_images;
/// let document = "![a](a.png) ![b][r] <img src='c.png'>\n\n`![no](no.png)` ![d][missing]\n\n[r]: b.png\n";
/// assert_eq!(count_images(document), 3);
/// ```
#[must_use]
pub fn count_images(markdown: &str) -> u32 {
    let count = Parser::new(markdown).map(|event| match event {
        Event::Start(Tag::Image { .. }) => 1,
        Event::Html(html) | Event::InlineHtml(html) => count_img_tags(&html),
        _ => 0,
    });
    count.fold(0, u32::saturating_add)
}

/// HTML inside a document: every `<img` that is followed by the end of a name.
fn count_img_tags(html: &str) -> u32 {
    let lower = html.to_ascii_lowercase();
    let ends_a_name =
        |rest: &str| !rest.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '-');
    let tags = lower
        .match_indices("<img")
        .filter(|(at, tag)| ends_a_name(&lower[at + tag.len()..]));
    u32::try_from(tags.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_counts_once() {
        assert_eq!(count_images(""), 0);
        assert_eq!(count_images("![](x)![](y)"), 2);
        assert_eq!(count_images("[![badge](b.svg)](link)"), 1);
        assert_eq!(count_images("<div>\n<IMG src=a><img/>\n</div>"), 2);
        assert_eq!(count_images("<image src=a> <img-comparison>"), 0);
        assert_eq!(count_images("```\n![x](x)\n<img>\n```\n"), 0);
        assert_eq!(count_images("![x]\n\n[x]: /x.png"), 1);
    }
}
