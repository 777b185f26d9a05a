//! The unprivileged user, for servers that refuse to run as root.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// A user of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    uid: u32,
    gid: u32,
}

impl Owner {
    /// Who shall run a server: the user of this name when we are root, else nobody but ourselves.
    ///
    /// **Panics** as root when there is no such user: the server's package makes it.
    #[must_use]
    pub fn unprivileged(name: &str) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let users = fs::read_to_string("/etc/passwd").expect("every Unix has /etc/passwd");
        let owner = Self::parse(&users, name);
        Some(owner.unwrap_or_else(|| {
            panic!("user `{name}` is missing; `cargo xtask test` installs what makes it")
        }))
    }

    /// Lets a command run as this user, without root's groups.
    pub fn run(self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid);
    }

    /// Gives a file or folder to this user.
    pub fn give(self, path: &Path) {
        std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid))
            .expect("root may give files away");
    }

    fn parse(users: &str, name: &str) -> Option<Self> {
        let mut fields = users
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>());
        let fields = fields.find(|it| it.first() == Some(&name))?;
        Some(Self {
            uid: fields.get(2)?.parse().ok()?,
            gid: fields.get(3)?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_the_whole_name() {
        let users =
            "root:x:0:0:root:/root:/bin/sh\npostgres:x:101:104::/var/lib/postgresql:/bin/bash\n";
        assert_eq!(
            Owner::parse(users, "postgres"),
            Some(Owner { uid: 101, gid: 104 })
        );
        assert_eq!(Owner::parse(users, "post"), None);
    }
}
