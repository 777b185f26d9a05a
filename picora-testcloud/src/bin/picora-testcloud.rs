//! `picora-testcloud oss|cos|r2 [--sink] [--faults SEED PER_MILLE]`: a cloud on a free port of 127.0.0.1 until standard input ends.

use std::process::ExitCode;

use picora_testcloud::serve::{Orders, serve};

fn main() -> ExitCode {
    let served = Orders::read(std::env::args().skip(1))
        .and_then(|orders| serve(orders).map_err(|error| error.to_string()));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::FAILURE
        }
    }
}
