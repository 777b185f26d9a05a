//! The marks by which a lost echo is noticed.

use futures::future::try_join_all;
use picora_quota::echo::Marker;

use super::RedisEcho;
use crate::error::Failure;
use crate::request::{Request, Script};

static MARK: Script = Script::new(include_str!("mark.lua"), || MARK.digest());

/// One on a server. On a cluster many, spread over its slots: a node that comes back empty has lost some of them, and an echo whose marks
/// do not agree has none.
///
/// **Boundaries**: a node that holds less than a fiftieth of the slots may hold no mark.
#[derive(Debug)]
pub(super) struct Marks(Vec<String>);

/// What the marks say, in their order.
type Texts = Vec<Option<String>>;

impl Marks {
    pub(super) fn of_a_server() -> Self {
        Self(vec!["quota:echo".to_owned()])
    }

    pub(super) fn of_a_cluster() -> Self {
        Self((0..MARKS).map(|it| format!("quota:echo:{it}")).collect())
    }

    pub(super) async fn read(&self, echo: &RedisEcho) -> Result<Texts, Failure> {
        try_join_all(self.0.iter().map(|it| echo.text(it))).await
    }

    /// What all of them say; a text that is no mark is somebody else's.
    pub(super) fn agreed(&self, texts: &Texts) -> Result<Option<Marker>, Failure> {
        let mut said = Vec::with_capacity(texts.len());
        for text in texts {
            let parsed = text.as_deref().map(Marker::parse);
            said.push(match parsed {
                Some(None) => return Err(Failure::Foreign),
                Some(mark) => mark,
                None => None,
            });
        }
        let first = said.first().copied().flatten();
        Ok(first.filter(|it| said.iter().all(|other| *other == Some(*it))))
    }

    /// The first one decides between two that replace at once; the others follow together.
    pub(super) async fn replace(
        &self,
        echo: &RedisEcho,
        was: Option<Marker>,
        by: Marker,
    ) -> Result<bool, Failure> {
        let texts = self.read(echo).await?;
        if self.agreed(&texts)? != was {
            return Ok(false);
        }
        let calls = self.0.iter().zip(texts).map(|(key, was)| {
            let mut call = Request::to(&MARK);
            call.key(key.as_bytes());
            call.argument(was.unwrap_or_default().as_bytes());
            call.argument(by.to_string().as_bytes());
            call
        });
        let calls: Vec<Request> = calls.collect();
        let Some((first, others)) = calls.split_first() else {
            return Ok(false);
        };
        if echo.number(first).await? == 0 {
            return Ok(false);
        }
        let done = try_join_all(others.iter().map(|it| echo.number(it))).await?;
        Ok(done.iter().all(|it| *it == 1))
    }
}

/// Three masters of a third each, or thirty of a thirtieth: each has some.
const MARKS: u32 = 256;
