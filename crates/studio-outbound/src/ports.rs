//! Ports that a URL of others may name.
//!
//! Below 1024 only 80 and 443: what else is there is no web. From 1024 on those are refused on which something listens that takes
//! orders from whoever speaks first, or could mistake a request for its own language: the "bad ports" of the Fetch standard, as
//! browsers have them, and databases, caches and the control ports of clusters.

/// Ports from 1024 on that the Fetch standard blocks (section "Port blocking"); those below are refused anyway.
const BLOCKED_BY_BROWSERS: [u16; 18] = [
    1719, // h323gatestat
    1720, // h323hostcall
    1723, // pptp
    2049, // nfs
    3659, // apple-sasl
    4045, // npp
    4190, // sieve
    5060, // sip
    5061, // sips
    6000, // x11
    6566, // sane-port
    6665, // ircu
    6666, // ircu
    6667, // ircu
    6668, // ircu
    6669, // ircu
    6679, // osaut
    6697, // ircs-u
];

/// What the standard names beside them, and what we refuse although browsers don't: nobody publishes pictures there.
const BLOCKED_BY_US: [u16; 19] = [
    10080, // amanda: the standard's, too
    1433,  // SQL Server
    1521,  // Oracle
    2375,  // Docker
    2376,  // Docker
    2379,  // etcd
    2380,  // etcd
    3306,  // MySQL
    3389,  // remote desktop
    5432,  // PostgreSQL
    5984,  // CouchDB
    6379,  // Redis
    6443,  // Kubernetes
    9042,  // Cassandra
    9200,  // Elasticsearch
    9300,  // Elasticsearch
    10250, // Kubernetes' nodes
    11211, // memcached
    27017, // MongoDB
];

/// Whether a place of the web may be at `port`.
pub(crate) fn is_for_the_web(port: u16) -> bool {
    matches!(port, 80 | 443 | 1024..) && !BLOCKED_BY_BROWSERS.contains(&port) && !BLOCKED_BY_US.contains(&port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_browsers_block_and_what_takes_orders_is_no_web() {
        for port in [80, 443, 1024, 3000, 5000, 8000, 8080, 8443, 9000, 32768, 65535] {
            assert!(is_for_the_web(port), "{port}");
        }
        // All of the standard's list.
        for port in [
            0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104,
            109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515,
            526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049,
            3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
        ] {
            assert!(!is_for_the_web(port), "{port}");
        }
        for port in [81, 442, 444, 1023, 2375, 3306, 5432, 6379, 9200, 11211, 27017] {
            assert!(!is_for_the_web(port), "{port}");
        }
    }
}
