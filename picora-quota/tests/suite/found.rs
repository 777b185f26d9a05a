//! Ledgers that break one invariant each, and the histories that find them.
