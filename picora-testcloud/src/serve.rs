//! A cloud in a process of its own.

use std::io::{Read, Write};

use crate::{Cloud, Vendor};

/// What a process is asked to serve: `oss|cos|r2 [--sink] [--faults SEED PER_MILLE]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Orders {
    /// Whose dialect is spoken.
    pub vendor: Vendor,
    /// Whether digests alone are kept.
    pub sink: bool,
    /// A seed, and how many of a thousand requests go wrong.
    pub faults: Option<(u64, u32)>,
}

impl Orders {
    /// Reads arguments.
    ///
    /// **Errors**: a sentence about what is wrong with them.
    pub fn read(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut arguments = arguments.into_iter();
        let vendor = match arguments.next().as_deref() {
            Some("oss") => Vendor::Oss,
            Some("cos") => Vendor::Cos,
            Some("r2") => Vendor::R2,
            other => return Err(format!("{other:?} is no vendor: oss, cos and r2 are")),
        };
        let (mut sink, mut faults) = (false, None);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--sink" => sink = true,
                "--faults" => {
                    let seed = arguments.next().and_then(|text| text.parse().ok());
                    let per_mille = arguments.next().and_then(|text| text.parse().ok());
                    let pair = seed.zip(per_mille);
                    faults = Some(pair.ok_or("--faults takes a seed and a number of a thousand")?);
                }
                other => return Err(format!("{other} is unknown")),
            }
        }
        Ok(Self {
            vendor,
            sink,
            faults,
        })
    }
}

/// Serves until standard input ends. The address is printed in a line of its own, and at the end which operations met faults, what no
/// client should have sent, and how much memory it took.
///
/// **Errors**: those of standard input and output.
pub fn serve(orders: Orders) -> std::io::Result<()> {
    let cloud = if orders.sink {
        Cloud::sink(orders.vendor)
    } else {
        Cloud::start(orders.vendor)
    };
    if let Some((seed, per_mille)) = orders.faults {
        cloud.faults().random(seed, per_mille);
    }
    let mut output = std::io::stdout();
    writeln!(output, "\n{}", cloud.url())?;
    output.flush()?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    let (met, surprises) = (cloud.faults().met(), cloud.surprises());
    let met: Vec<_> = met.iter().map(|(operation, _)| *operation).collect();
    writeln!(output, "faults {}", met.join(" "))?;
    writeln!(output, "surprises {}", surprises.join(", "))?;
    writeln!(output, "peak {} KiB", peak_kib().unwrap_or_default())
}

/// The most memory that this process has had at a time; `None` where the system does not say.
#[must_use]
pub fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read() {
        let read = |text: &str| Orders::read(text.split(' ').map(str::to_owned));
        let orders = read("cos --sink --faults 7 50").unwrap();
        assert_eq!((orders.vendor, orders.sink), (Vendor::Cos, true));
        assert_eq!(orders.faults, Some((7, 50)));
        for wrong in ["ftp", "oss --faults 7", "oss --sank", "oss --faults x 1"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
