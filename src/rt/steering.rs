//! Which shard a sender lands on: classic BPF for a group of sockets that share one port.
//!
//! Takes a rule and the cores of the shards; gives a program as plain data, for one address family.
//! The kernel runs it on each SYN and each datagram; what it returns is an index into the group, in
//! the order of listen() for TCP and of bind() for UDP, and an index beyond the group leaves the
//! choice to the kernel's own hash of the flow.

use std::net::IpAddr;

use crate::config::network::Network;
use crate::config::sections::Steer;

/// Networks in a spread list; the kernel takes 4096 instructions, and one network needs up to 13.
pub const SPREAD_MAX: usize = 256;

/// What a program returns to leave the choice to the kernel.
pub const FLOW: u32 = u32::MAX;

/// One instruction of classic BPF, with the field names of the kernel's `sock_filter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// What to do.
    pub code: u16,
    /// Instructions to skip if a comparison holds.
    pub jt: u8,
    /// Instructions to skip if it does not.
    pub jf: u8,
    /// The constant.
    pub k: u32,
}

/// IPv4 or IPv6; the sockets of a group take one of them only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of `address`.
    pub fn of(address: IpAddr) -> Family {
        if address.is_ipv4() {
            Family::V4
        } else {
            Family::V6
        }
    }
}

/// Load the word at `k` into A.
const LOAD: u16 = 0x20;
const AND: u16 = 0x54;
const MULTIPLY: u16 = 0x24;
const SHIFT_RIGHT: u16 = 0x74;
const MODULO: u16 = 0x94;
/// A ^= X.
const XOR_X: u16 = 0xac;
/// X = A.
const TO_X: u16 = 0x07;
const JUMP_IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;
const RETURN_A: u16 = 0x16;

/// Offsets from here are from the network header: `SKF_NET_OFF`.
const NETWORK_HEADER: u32 = (-0x0010_0000_i32) as u32;
/// Offsets from here are facts about the packet: `SKF_AD_OFF`.
const FACTS: u32 = (-0x1000_i32) as u32;
/// The core that took the packet: `SKF_AD_CPU`.
const FACT_CPU: u32 = 36;

/// Odd, with well spread bits: 2^32 divided by the golden ratio.
const MIX: u32 = 0x9e37_79b9;

/// The program for a group of one socket for each of `cores`; `None` where the kernel's own choice
/// is what is wanted.
pub fn program(
    rule: Steer,
    spread: &[Network],
    family: Family,
    cores: &[usize],
) -> Option<Vec<Instruction>> {
    let shards = u32::try_from(cores.len()).ok().filter(|&n| 1 < n)?;
    match rule {
        Steer::Flow => None,
        Steer::Source => Some(by_source(spread, family, shards)),
        Steer::Cpu => Some(by_core(cores, shards)),
    }
}

fn by_source(spread: &[Network], family: Family, shards: u32) -> Vec<Instruction> {
    let mut out = Vec::new();
    let own = spread.iter().filter(|n| Family::of(n.address()) == family);
    for network in own.take(SPREAD_MAX) {
        flow_inside(*network, &mut out);
    }
    let words = source_words(family);
    out.push(load(words[0]));
    for &word in &words[1..] {
        // A = A * MIX ^ word
        out.push(plain(MULTIPLY, MIX));
        out.push(plain(TO_X, 0));
        out.push(load(word));
        out.push(plain(XOR_X, 0));
    }
    // The upper bits of a product depend on all lower ones.
    out.push(plain(MULTIPLY, MIX));
    out.push(plain(SHIFT_RIGHT, 16));
    out.push(plain(MODULO, shards));
    out.push(plain(RETURN_A, 0));
    out
}

/// Return [`FLOW`] if the source lies in `network`, else go on behind.
fn flow_inside(network: Network, out: &mut Vec<Instruction>) {
    let (bits, offsets) = match network.address() {
        IpAddr::V4(v4) => (vec![v4.to_bits()], source_words(Family::V4)),
        IpAddr::V6(v6) => {
            let all = v6.to_bits();
            let words = (0..4).map(|word| (all >> (96 - 32 * word)) as u32);
            (words.collect(), source_words(Family::V6))
        }
    };
    let masks = masks(network.prefix_bits(), bits.len());
    let compared: Vec<(u32, u32, u32)> = offsets
        .iter()
        .zip(bits)
        .zip(masks)
        .filter(|&(_, mask)| mask != 0)
        .map(|((&offset, value), mask)| (offset, value, mask))
        .collect();
    for (i, &(offset, value, mask)) in compared.iter().enumerate() {
        // Behind this comparison: three for each further word, and the return.
        let behind = 3 * (compared.len() - 1 - i) + 1;
        out.push(load(offset));
        out.push(plain(AND, mask));
        out.push(Instruction {
            code: JUMP_IF_EQUAL,
            jt: 0,
            jf: behind as u8,
            k: value,
        });
    }
    out.push(plain(RETURN, FLOW));
}

/// The mask of a prefix, word by word.
fn masks(prefix_bits: u8, words: usize) -> Vec<u32> {
    (0..words as u32)
        .map(|word| {
            let bits = u32::from(prefix_bits).saturating_sub(32 * word).min(32);
            u32::MAX.checked_shl(32 - bits).unwrap_or(0)
        })
        .collect()
}

fn by_core(cores: &[usize], shards: u32) -> Vec<Instruction> {
    let mut out = vec![load(FACTS.wrapping_add(FACT_CPU))];
    for (shard, &core) in (0u32..).zip(cores) {
        out.push(Instruction {
            code: JUMP_IF_EQUAL,
            jt: 0,
            jf: 1,
            k: core as u32,
        });
        out.push(plain(RETURN, shard));
    }
    // A core without a shard.
    out.push(plain(MODULO, shards));
    out.push(plain(RETURN_A, 0));
    out
}

/// Where the words of the source address are, from the network header.
fn source_words(family: Family) -> &'static [u32] {
    match family {
        Family::V4 => &[12],
        Family::V6 => &[8, 12, 16, 20],
    }
}

fn load(offset: u32) -> Instruction {
    let from = if offset < 64 { NETWORK_HEADER } else { 0 };
    plain(LOAD, offset.wrapping_add(from))
}

fn plain(code: u16, k: u32) -> Instruction {
    Instruction {
        code,
        jt: 0,
        jf: 0,
        k,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    /// What the kernel does with a program: a packet that starts at its network header.
    fn interpret(program: &[Instruction], packet: &[u8], cpu: u32) -> u32 {
        let (mut a, mut x, mut at) = (0u32, 0u32, 0);
        loop {
            let Instruction { code, jt, jf, k } = program[at];
            at += 1;
            match code {
                LOAD if k == FACTS + FACT_CPU => a = cpu,
                LOAD => {
                    let start = k.wrapping_sub(NETWORK_HEADER) as usize;
                    a = u32::from_be_bytes(packet[start..start + 4].try_into().expect("a word"));
                }
                AND => a &= k,
                MULTIPLY => a = a.wrapping_mul(k),
                SHIFT_RIGHT => a >>= k,
                MODULO => a %= k,
                XOR_X => a ^= x,
                TO_X => x = a,
                JUMP_IF_EQUAL => at += usize::from(if a == k { jt } else { jf }),
                RETURN => return k,
                RETURN_A => return a,
                other => panic!("no such instruction: {other:#x}"),
            }
        }
    }

    /// The same in Rust; slower to read by the kernel, quicker by people.
    fn shard_of(address: IpAddr, spread: &[Network], shards: u32) -> u32 {
        if spread.iter().any(|network| network.holds(address)) {
            return FLOW;
        }
        let hash = match address {
            IpAddr::V4(v4) => v4.to_bits(),
            IpAddr::V6(v6) => v6.octets().chunks(4).fold(0u32, |hash, word| {
                let word = u32::from_be_bytes(word.try_into().expect("a word"));
                hash.wrapping_mul(MIX) ^ word
            }),
        };
        (hash.wrapping_mul(MIX) >> 16) % shards
    }

    fn packet_from(address: IpAddr) -> Vec<u8> {
        match address {
            IpAddr::V4(v4) => [vec![0; 12], v4.octets().to_vec(), vec![0; 4]].concat(),
            IpAddr::V6(v6) => [vec![0; 8], v6.octets().to_vec(), vec![0; 16]].concat(),
        }
    }

    fn any_address(random: &mut Random, family: Family) -> IpAddr {
        // Few distinct leading bits, so that networks are met.
        match family {
            Family::V4 => IpAddr::V4((random.next_u64() as u32 & 0x8fff_000f).into()),
            Family::V6 => {
                let (high, low) = (random.next_u64() & 0xc000_0000_8000_0003, random.next_u64());
                IpAddr::V6(((u128::from(high) << 64) | u128::from(low & 0x8000_000f)).into())
            }
        }
    }

    fn any_network(random: &mut Random, family: Family) -> Network {
        let widest = if family == Family::V4 { 32 } else { 128 };
        let bits = random.below(widest + 1) as u32;
        let cut = match any_address(random, family) {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
                IpAddr::V4((v4.to_bits() & mask).into())
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
                IpAddr::V6((v6.to_bits() & mask).into())
            }
        };
        format!("{cut}/{bits}").parse().expect("a network")
    }

    #[test]
    fn the_program_is_the_function() {
        let seed = std::process::id().into();
        let mut random = Random::new(seed);
        let (mut inside, mut outside) = (0, 0);
        for round in 0..2_000 {
            let family = [Family::V4, Family::V6][round % 2];
            let spread: Vec<Network> = (0..random.below(5))
                .map(|_| {
                    let family = [Family::V4, Family::V6][random.below(2) as usize];
                    any_network(&mut random, family)
                })
                .collect();
            let cores: Vec<usize> = (0..2 + random.below(30) as usize).collect();
            let program = program(Steer::Source, &spread, family, &cores).expect("a program");
            for _ in 0..20 {
                let address = any_address(&mut random, family);
                let want = shard_of(address, &spread, cores.len() as u32);
                let got = interpret(&program, &packet_from(address), 0);
                assert_eq!(got, want, "seed {seed}: {address} with {spread:?}");
                *(if got == FLOW {
                    &mut inside
                } else {
                    &mut outside
                }) += 1;
            }
        }
        assert!(1_000 < inside && 1_000 < outside, "{inside}, {outside}");
    }

    #[test]
    fn many_sources_fill_all_shards() {
        let cores: Vec<usize> = (0..8).collect();
        for family in [Family::V4, Family::V6] {
            let program = program(Steer::Source, &[], family, &cores).expect("a program");
            let mut counts = [0; 8];
            for host in 0..4_000u32 {
                let address = match family {
                    Family::V4 => IpAddr::V4((0x0a00_0000 + host).into()),
                    Family::V6 => IpAddr::V6(((0xfd00_u128 << 112) + u128::from(host)).into()),
                };
                counts[interpret(&program, &packet_from(address), 0) as usize] += 1;
            }
            let (least, most) = (counts.iter().min(), counts.iter().max());
            assert!(least > Some(&350) && most < Some(&650), "{counts:?}");
        }
    }

    #[test]
    fn a_core_leads_to_its_shard_and_a_foreign_core_to_any() {
        let program = program(Steer::Cpu, &[], Family::V4, &[4, 2, 9]).expect("a program");
        let check = |cpu, want| assert_eq!(interpret(&program, &[], cpu), want, "core {cpu}");
        check(4, 0);
        check(2, 1);
        check(9, 2);
        check(8, 2);
    }

    #[test]
    fn where_there_is_no_choice_there_is_no_program() {
        assert_eq!(program(Steer::Source, &[], Family::V4, &[0]), None);
        assert_eq!(program(Steer::Flow, &[], Family::V4, &[0, 1]), None);
    }

    #[test]
    fn the_longest_program_is_one_the_kernel_takes() {
        let network: Network = "fd00::1/128".parse().expect("a network");
        let spread = vec![network; SPREAD_MAX];
        let program = program(Steer::Source, &spread, Family::V6, &[0, 1]).expect("a program");
        assert!(program.len() <= 4096, "{}", program.len());
    }
}
