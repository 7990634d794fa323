//! A block of IP addresses, as an operator writes it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// `address/prefix`: every address whose first `prefix` bits are those of `address`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

impl Network {
    /// Its first address; the bits behind the prefix are zero.
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// How many leading bits count: at most 32 for IPv4, 128 for IPv6.
    pub fn prefix_bits(self) -> u8 {
        self.prefix_bits
    }

    /// Whether `address` lies inside. IPv4 never lies inside IPv6, nor the other way round.
    pub fn holds(self, address: IpAddr) -> bool {
        first_of(address, self.prefix_bits) == Some(self.address)
    }
}

/// `address` with everything behind its first `prefix_bits` set to zero; `None` if it has fewer bits.
fn first_of(address: IpAddr, prefix_bits: u8) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) => {
            let rest = 32u32.checked_sub(u32::from(prefix_bits))?;
            let mask = u32::MAX.checked_shl(rest).unwrap_or(0);
            Some(IpAddr::V4((v4.to_bits() & mask).into()))
        }
        IpAddr::V6(v6) => {
            let rest = 128u32.checked_sub(u32::from(prefix_bits))?;
            let mask = u128::MAX.checked_shl(rest).unwrap_or(0);
            Some(IpAddr::V6((v6.to_bits() & mask).into()))
        }
    }
}

impl FromStr for Network {
    type Err = String;

    /// `10.0.0.0/8`, `fd00::/8`, or one address.
    fn from_str(text: &str) -> Result<Network, String> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let bad = || format!("`{text}` is no network; write it like 10.0.0.0/8 or fd00::/8");
        let address: IpAddr = address.parse().map_err(|_| bad())?;
        let widest = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| bad())?,
            None => widest,
        };
        let first = first_of(address, prefix_bits)
            .ok_or_else(|| format!("`{text}`: the prefix is at most {widest} bits"))?;
        if first != address {
            return Err(format!(
                "`{text}` has bits behind its prefix; the network is {first}/{prefix_bits}"
            ));
        }
        Ok(Network {
            address,
            prefix_bits,
        })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.address, self.prefix_bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let got = match text.parse::<Network>() {
            Ok(network) => network.to_string(),
            Err(fault) => format!("refused: {fault}"),
        };
        assert!(got.contains(want), "{text}: {got}");
    }

    #[test]
    fn networks_are_read() {
        check("10.0.0.0/8", "10.0.0.0/8");
        check("0.0.0.0/0", "0.0.0.0/0");
        check("::/0", "::/0");
        check("192.168.1.7", "192.168.1.7/32");
        check("::1", "::1/128");
        check(
            "10.1.0.0/8",
            "refused: `10.1.0.0/8` has bits behind its prefix; the network is 10.0.0.0/8",
        );
        check(
            "10.0.0.0/33",
            "refused: `10.0.0.0/33`: the prefix is at most 32 bits",
        );
        check("::/129", "at most 128 bits");
        check("here/8", "refused: `here/8` is no network");
        check("10.0.0.0/-1", "is no network");
    }

    #[test]
    fn a_network_knows_its_addresses() {
        let check = |network: &str, address: &str, want: bool| {
            let network: Network = network.parse().expect("a network");
            assert_eq!(network.holds(address.parse().expect("an address")), want);
        };
        check("127.0.0.0/8", "127.255.0.1", true);
        check("127.0.0.0/8", "128.0.0.1", false);
        check("0.0.0.0/0", "8.8.8.8", true);
        check("0.0.0.0/0", "::1", false);
        check("fd00::/8", "fdff::1", true);
        check("127.0.0.0/8", "::ffff:127.0.0.1", false);
    }
}
