//! The use cases leave nothing half done, whatever fails, whoever goes away, and whenever the process dies.
//!
//! Everything runs on one thread with a clock that moves when told: a host of stores in memory ([`host`]), a judge of what they hold
//! ([`audit`]) that knows nothing of how it came about, and one module for each way in which a saga can end.

mod accounts;
mod audit;
mod broken;
mod documents;
mod drops;
mod faults;
mod files;
mod host;
mod keys;
mod model;
mod reconcile;
mod removal;
mod requests;
mod sagas;
mod scenario;
mod simulation;
mod slow;
