//! Which network addresses a fetch may reach. In goes an address (already resolved, or a
//! literal from a URL) and a port, out comes yes or no. Never resolves names itself.
//!
//! The tables follow IANA's special-purpose registries (RFC 6890 and its successors). IPv6 is
//! judged the other way round from IPv4: only global unicast (`2000::/3`) is public, so a
//! range that is invented tomorrow is closed until somebody opens it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A block of addresses, `192.0.2.0/24` or `2001:db8::/32`. A bare address is a block of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr {
    network: IpAddr,
    prefix: u8,
}

/// Why a text is no [`Cidr`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a block of addresses such as `10.0.0.0/8` or `fd00::/8`, but got `{0}`")]
pub struct BadCidr(String);

impl Cidr {
    const fn v4(a: u8, b: u8, c: u8, prefix: u8) -> Self {
        Self {
            network: IpAddr::V4(Ipv4Addr::new(a, b, c, 0)),
            prefix,
        }
    }

    const fn v6(first: u16, second: u16, prefix: u8) -> Self {
        Self {
            network: IpAddr::V6(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0)),
            prefix,
        }
    }

    /// Whether `address` lies in the block. An IPv4 address never lies in an IPv6 block.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differing = u32::from(network) ^ u32::from(address);
                u32::from(self.prefix) <= differing.leading_zeros()
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differing = u128::from(network) ^ u128::from(address);
                u32::from(self.prefix) <= differing.leading_zeros()
            }
            _ => false,
        }
    }
}

/// An address and a prefix length, as the settings have checked them.
impl From<(IpAddr, u8)> for Cidr {
    fn from((network, prefix): (IpAddr, u8)) -> Self {
        Self { network, prefix }
    }
}

impl FromStr for Cidr {
    type Err = BadCidr;
    fn from_str(text: &str) -> Result<Self, BadCidr> {
        let bad = || BadCidr(text.chars().take(100).collect());
        let (network, prefix) = match text.trim().split_once('/') {
            Some((network, prefix)) => (network, Some(prefix)),
            None => (text.trim(), None),
        };
        let network: IpAddr = network.parse().map_err(|_| bad())?;
        let widest = if network.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| bad())?,
            None => widest,
        };
        if prefix > widest {
            return Err(bad());
        }
        Ok(Self { network, prefix })
    }
}

impl TryFrom<String> for Cidr {
    type Error = BadCidr;
    fn try_from(text: String) -> Result<Self, BadCidr> {
        text.parse()
    }
}

impl From<Cidr> for String {
    fn from(block: Cidr) -> Self {
        block.to_string()
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

/// IPv4 blocks that are no place for news.
const CLOSED_V4: [Cidr; 17] = [
    Cidr::v4(0, 0, 0, 8),       // this network
    Cidr::v4(10, 0, 0, 8),      // private
    Cidr::v4(100, 64, 0, 10),   // carrier-grade NAT, and one cloud's metadata service
    Cidr::v4(127, 0, 0, 8),     // loopback
    Cidr::v4(169, 254, 0, 16),  // link-local, and most clouds' metadata services
    Cidr::v4(172, 16, 0, 12),   // private
    Cidr::v4(192, 0, 0, 24),    // protocol assignments
    Cidr::v4(192, 0, 2, 24),    // documentation
    Cidr::v4(192, 88, 99, 24),  // 6to4 relays
    Cidr::v4(192, 168, 0, 16),  // private
    Cidr::v4(198, 18, 0, 15),   // benchmarking
    Cidr::v4(198, 51, 100, 24), // documentation
    Cidr::v4(203, 0, 113, 24),  // documentation
    Cidr::v4(233, 252, 0, 24),  // documentation, multicast
    Cidr::v4(224, 0, 0, 4),     // multicast
    Cidr::v4(240, 0, 0, 4),     // reserved, and broadcast
    AZURE_HOST,
];

/// A cloud's host agent, which answers its guests on a public address.
const AZURE_HOST: Cidr = Cidr {
    network: IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    prefix: 32,
};

/// The only public part of IPv6.
const GLOBAL_UNICAST: Cidr = Cidr::v6(0x2000, 0, 3);

/// Blocks inside global unicast that aren't public all the same. IPv4-mapped addresses never
/// come here, and NAT64 (`64:ff9b::/96`, `64:ff9b:1::/48`), ULA, link-local and multicast lie
/// outside global unicast.
const CLOSED_V6: [Cidr; 4] = [
    Cidr::v6(0x2001, 0, 23), // protocol assignments: Teredo, benchmarking, ORCHID
    Cidr::v6(0x2001, 0xdb8, 32), // documentation
    Cidr::v6(0x2002, 0, 16), // 6to4: any IPv4 address in disguise
    Cidr::v6(0x3fff, 0, 20), // documentation
];

/// Which addresses the fetcher may reach: public ones on ports 80 and 443, and whatever
/// `ingest.allow` names, on any port.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddressPolicy {
    allow: Vec<Cidr>,
}

impl AddressPolicy {
    /// Public addresses, and those in `allow`.
    pub fn allowing(allow: Vec<Cidr>) -> Self {
        Self { allow }
    }

    /// Whether a connection to `address` on `port` may be opened.
    pub fn admits(&self, address: IpAddr, port: u16) -> bool {
        self.lists(address) || (is_web_port(port) && is_public(address))
    }

    /// Whether `ingest.allow` names `address`.
    pub(super) fn lists(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.allow.iter().any(|block| block.contains(address))
    }
}

/// The two ports on which a stranger's address is reached.
pub(super) fn is_web_port(port: u16) -> bool {
    matches!(port, 80 | 443)
}

/// Whether `address` is reachable from the whole internet. IPv4-mapped IPv6 is judged as the
/// IPv4 address it leads to.
pub fn is_public(address: IpAddr) -> bool {
    let address = address.to_canonical();
    match address {
        IpAddr::V4(_) => !CLOSED_V4.iter().any(|block| block.contains(address)),
        IpAddr::V6(_) => {
            GLOBAL_UNICAST.contains(address)
                && !CLOSED_V6.iter().any(|block| block.contains(address))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect(text)
    }

    #[test]
    fn every_kind_of_private_address_is_closed() {
        let closed = [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::808:808",
            "64:ff9b:1::a00:1",
            "100::1",
            "2001::1",
            "2001:0:53aa:64c::",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "ff0e::1",
        ];
        for text in closed {
            assert!(!is_public(address(text)), "{text} must be closed");
        }
    }

    #[test]
    fn public_addresses_are_open_up_to_the_edges_of_closed_blocks() {
        let open = [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2a00:1450:4001:80b::200e",
            "2606:4700::1111",
        ];
        for text in open {
            assert!(is_public(address(text)), "{text} must be open");
        }
    }

    #[test]
    fn a_public_address_is_reached_on_web_ports_only() {
        let policy = AddressPolicy::default();
        assert!(policy.admits(address("8.8.8.8"), 80));
        assert!(policy.admits(address("8.8.8.8"), 443));
        assert!(!policy.admits(address("8.8.8.8"), 22));
        assert!(!policy.admits(address("8.8.8.8"), 8080));
    }

    #[test]
    fn an_allowed_block_is_reached_on_any_port_and_in_its_mapped_form() {
        let policy = AddressPolicy::allowing(vec!["127.0.0.0/8".parse().unwrap()]);
        assert!(policy.admits(address("127.0.0.1"), 4711));
        assert!(policy.admits(address("::ffff:127.0.0.1"), 4711));
        assert!(!policy.admits(address("::1"), 4711));
        assert!(!policy.admits(address("10.0.0.1"), 80));
    }

    #[test]
    fn blocks_are_read_with_and_without_a_prefix() {
        let everything: Cidr = "0.0.0.0/0".parse().unwrap();
        assert!(everything.contains(address("203.0.113.9")));
        let one: Cidr = "::1".parse().unwrap();
        assert_eq!(one.to_string(), "::1/128");
        for bad in [
            "",
            "localhost",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/x",
            "10.0.0.0/-1",
            "10/8",
        ] {
            let error = bad.parse::<Cidr>().unwrap_err();
            assert!(
                error.to_string().contains(&format!("but got `{bad}`")),
                "{error}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_block_holds_what_shares_its_prefix_and_nothing_else(
            network: u32, prefix in 0_u8..=32, flip in 0_u32..32, noise: u32,
        ) {
            let block = Cidr { network: Ipv4Addr::from(network).into(), prefix };
            let host_bits = u32::MAX.checked_shr(u32::from(prefix)).unwrap_or(0);
            let inside = network ^ (noise & host_bits);
            prop_assert!(block.contains(Ipv4Addr::from(inside).into()));
            let flipped = network ^ (0x8000_0000 >> flip);
            prop_assert_eq!(block.contains(Ipv4Addr::from(flipped).into()), flip >= u32::from(prefix));
        }

        #[test]
        fn a_mapped_address_is_judged_like_its_plain_form(bits: u32) {
            let plain = Ipv4Addr::from(bits);
            prop_assert_eq!(is_public(plain.into()), is_public(plain.to_ipv6_mapped().into()));
        }

        #[test]
        fn a_block_survives_being_written_and_read(bits: u128, prefix in 0_u8..=128) {
            let block = Cidr { network: Ipv6Addr::from(bits).into(), prefix };
            prop_assert_eq!(block.to_string().parse::<Cidr>().unwrap(), block);
        }
    }
}
