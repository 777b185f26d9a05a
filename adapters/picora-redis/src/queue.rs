//! Checks that wait while a call is under way, and go together in the next.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use picora_core::Timestamp;
use picora_ratelimit::SubjectKey;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::error::Failure;
use crate::item::Item;
use crate::link::Link;
use crate::request::Request;
use crate::response::{self, Answer};

/// Some items that are asked together, and whoever waits for their answers.
///
/// There is no timer: while a call is under way others gather, and an idle queue sends at once.
#[derive(Debug)]
pub(crate) struct Queue {
    link: Arc<Link>,
    waiting: Option<mpsc::UnboundedSender<Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    items: Vec<Item>,
    taken: Arc<AtomicBool>,
    answer: oneshot::Sender<Result<Vec<Result<Answer, Failure>>, Failure>>,
}

impl Queue {
    /// A queue on a link; with `together` items gather, up to so many.
    ///
    /// Its task runs on the runtime of whoever makes it.
    pub(crate) fn new(link: Link, together: Option<usize>) -> Self {
        let link = Arc::new(link);
        let waiting = together.map(|most| {
            let (sender, receiver) = mpsc::unbounded_channel();
            tokio::spawn(send_together(Arc::clone(&link), receiver, most));
            sender
        });
        Self { link, waiting }
    }

    /// Asks some items of one home in one call, in order; `taken` is set when they have been sent.
    pub(crate) async fn ask(
        &self,
        items: Vec<Item>,
        taken: &Arc<AtomicBool>,
    ) -> Result<Vec<Result<Answer, Failure>>, Failure> {
        let gone = |()| Failure::NotSent("the limiter is shutting down".to_owned());
        let Some(waiting) = &self.waiting else {
            // In a task of its own: to connect may take longer than one caller waits.
            let link = Arc::clone(&self.link);
            let ready = tokio::spawn(async move { link.ready().await });
            ready.await.unwrap_or_else(|_| Err(gone(())))?;
            taken.store(true, Ordering::SeqCst);
            return send(&self.link, &items).await;
        };
        let (answer, answered) = oneshot::channel();
        let taken = Arc::clone(taken);
        let item = Waiting {
            items,
            taken,
            answer,
        };
        waiting.send(item).map_err(|_| gone(()))?;
        answered.await.map_err(|_| gone(()))?
    }
}

/// Sends what has gathered, up to so many at once, while at most [`UNDER_WAY`] calls wait for their answers.
async fn send_together(
    link: Arc<Link>,
    mut waiting: mpsc::UnboundedReceiver<Waiting>,
    most: usize,
) {
    let turns = if link.is_cluster() {
        ON_A_CLUSTER
    } else {
        UNDER_WAY
    };
    let turns = Arc::new(Semaphore::new(turns));
    while let Ok(turn) = Arc::clone(&turns).acquire_owned().await {
        let mut batch = Vec::with_capacity(most);
        if waiting.recv_many(&mut batch, most).await == 0 {
            return; // the limiter is gone
        }
        let link = Arc::clone(&link);
        tokio::spawn(async move {
            // Whoever has given up is not asked for: nobody would spend what he is granted.
            let asked = batch.into_iter().filter(|it| !it.answer.is_closed());
            let calls = groups(asked, link.is_cluster()).into_iter();
            join_all(calls.map(|group| send_group(&link, group))).await;
            drop(turn);
        });
    }
}

/// Items that may share a call: of one clock, and on a cluster of one home.
fn groups(asked: impl Iterator<Item = Waiting>, cluster: bool) -> Vec<Vec<Waiting>> {
    let mut groups: HashMap<(Option<SubjectKey>, Option<Timestamp>), Vec<Waiting>> = HashMap::new();
    for waiting in asked {
        let first = waiting.items.first();
        let home = first.map(|item| item.home).filter(|_| cluster);
        let clock = first.and_then(|item| item.now);
        groups.entry((home, clock)).or_default().push(waiting);
    }
    groups.into_values().collect()
}

async fn send_group(link: &Link, mut group: Vec<Waiting>) {
    let ready = link.ready().await;
    group.retain(|it| !it.answer.is_closed()); // a connection may have taken longer than they wait
    if group.is_empty() {
        return;
    }
    let items: Vec<&Item> = group.iter().flat_map(|it| &it.items).collect();
    let mut answers = match ready {
        Ok(()) => {
            for waiting in &group {
                waiting.taken.store(true, Ordering::SeqCst);
            }
            send(link, &items).await.map(Vec::into_iter)
        }
        Err(failure) => Err(failure),
    };
    for waiting in group {
        let own = match &mut answers {
            Ok(answers) => Ok(answers.by_ref().take(waiting.items.len()).collect()),
            Err(failure) => Err(failure.clone()),
        };
        let _ = waiting.answer.send(own); // whoever has given up does not wait
    }
}

async fn send<I: std::borrow::Borrow<Item>>(
    link: &Link,
    items: &[I],
) -> Result<Vec<Result<Answer, Failure>>, Failure> {
    let request = Request::of(items.iter().map(std::borrow::Borrow::borrow));
    let reply = link.call(&request).await?;
    let items = items.iter().map(std::borrow::Borrow::borrow);
    response::read(reply, request.keys(), items)
}

async fn join_all(calls: impl Iterator<Item = impl Future<Output = ()>>) {
    let mut calls: Vec<_> = calls.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        calls.retain_mut(|call| call.as_mut().poll(context).is_pending());
        if calls.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}

/// While Redis works on one call, this side reads the answer to the other and gathers the next.
const UNDER_WAY: usize = 2;

/// One silent node may hold a few calls, and the others go on.
const ON_A_CLUSTER: usize = 16;
