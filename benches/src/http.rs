//! picora-http's limit layer with all its headers on an axum handler, against the bare handler.
//!
//! Over loopback both are served by the same hyper loop in this process, to the same clients on keep-alive connections that send one
//! request after the other. In process there is no socket, so that the row shows what the layer itself takes. Both sides put a
//! principal into each request's extensions, as whoever has checked the credential does; a thousand accounts take turns, and no
//! budget is used up. The clients do next to nothing with an answer, so that they do not hide what the layer takes.

mod routers;
mod wire;

use crate::rounds::{alternate, per_second};
use crate::row::{Goal, Row};
use routers::Side;
use wire::Wire;

/// Calls of one round, in process.
const CALLS: usize = 200_000;

pub(crate) fn measure(print: &mut dyn FnMut(Row)) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let (ours, peer) = (Side::limited(), Side::bare());
    let over = |side: &Side| Wire::serve(&runtime, side.clone());
    let (our_wire, peer_wire) = (over(&ours), over(&peer));
    let result = alternate(|| our_wire.per_second(), || peer_wire.per_second());
    print(Row::against(
        "http/layer",
        result,
        "requests/s",
        Goal::AtLeast(0.9),
    ));

    let calls = |side: &Side| per_second(CALLS, || runtime.block_on(side.calls(CALLS)));
    let result = alternate(|| calls(&ours), || calls(&peer));
    print(Row::against(
        "http/layer-in-process",
        result,
        "calls/s",
        Goal::AtLeast(0.25),
    ));
}
