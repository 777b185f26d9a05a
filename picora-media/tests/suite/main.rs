//! The catalogue in memory keeps every promise, and the use cases leave nothing half done, whatever fails.

mod conformance;
mod saga;
