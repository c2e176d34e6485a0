//! How systemd is told to run a service: the unit, and the word that the service is ready.

use std::path::Path;

/// The unit for a service that is started by these words, the program's path first.
///
/// It may write its data folder and nothing else, see no home and no device, and is started again when it fails: what it
/// promised is in its journal.
pub fn unit(command: &[String], data: &Path) -> String {
    let command: Vec<String> = command.iter().map(|word| quoted(word)).collect();
    format!(
        "# systemctl enable --now paidan, with this text as /etc/systemd/system/paidan.service\n\
         [Unit]\n\
         Description=paidan 派单: dispatcher of a city operations centre\n\
         After=network.target local-fs.target\n\
         \n\
         [Service]\n\
         Type=notify\n\
         ExecStart={}\n\
         Restart=on-failure\n\
         RestartSec=1\n\
         TimeoutStartSec=infinity\n\
         TimeoutStopSec=60\n\
         DynamicUser=yes\n\
         {}\n\
         UMask=0077\n\
         LimitNOFILE=65536\n\
         CapabilityBoundingSet=\n\
         LockPersonality=yes\n\
         MemoryDenyWriteExecute=yes\n\
         NoNewPrivileges=yes\n\
         PrivateDevices=yes\n\
         PrivateTmp=yes\n\
         ProtectClock=yes\n\
         ProtectControlGroups=yes\n\
         ProtectHome=yes\n\
         ProtectHostname=yes\n\
         ProtectKernelLogs=yes\n\
         ProtectKernelModules=yes\n\
         ProtectKernelTunables=yes\n\
         ProtectProc=invisible\n\
         ProtectSystem=strict\n\
         RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX\n\
         RestrictNamespaces=yes\n\
         RestrictRealtime=yes\n\
         RestrictSUIDSGID=yes\n\
         SystemCallArchitectures=native\n\
         SystemCallFilter=@system-service\n\
         \n\
         [Install]\n\
         WantedBy=multi-user.target\n",
        command.join(" "),
        writable(data)
    )
}

/// What the service may write: a folder that systemd makes for it where it lies in the usual place.
fn writable(data: &Path) -> String {
    match data.strip_prefix("/var/lib") {
        Ok(name) if name.components().next().is_some() => format!("StateDirectory={}", name.display()),
        _ => format!("ReadWritePaths={}", quoted(&data.display().to_string())),
    }
}

/// A word of a command as systemd reads it: `%` and `$` would stand for something else.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+[]".contains(c);
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    if !word.is_empty() && word.chars().all(plain) { escaped } else { format!("\"{escaped}\"") }
}

/// Says that the service is ready, to whoever started it and wants to know.
pub fn ready() {
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
}

/// Says that it is ending.
pub fn stopping() {
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_folders_reach_systemd_as_they_are() {
        for (word, expected) in [
            ("/usr/bin/paidan", "/usr/bin/paidan"),
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("[::1]:8080", "[::1]:8080"),
            ("", "\"\""),
            ("my city", "\"my city\""),
            ("50%", "\"50%%\""),
            ("a\"b\\$c", "\"a\\\"b\\\\$$c\""),
            ("浦东", "\"浦东\""),
        ] {
            assert_eq!(quoted(word), expected);
        }
        for (data, expected) in [
            ("/var/lib/paidan", "StateDirectory=paidan"),
            ("/var/lib/city/pudong", "StateDirectory=city/pudong"),
            ("/var/lib", "ReadWritePaths=/var/lib"),
            ("/srv/data of paidan", "ReadWritePaths=\"/srv/data of paidan\""),
        ] {
            assert_eq!(writable(Path::new(data)), expected);
        }
    }
}
