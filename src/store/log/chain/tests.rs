use super::*;

/// A block: number, epoch, last durable one, the block it names (number, epoch).
fn link(sequence: u64, epoch: u64, durable: u64, previous: (u64, u64)) -> Link {
    let checksum = |(sequence, epoch): (u64, u64)| (sequence * 1000 + epoch) as u32;
    Link {
        sequence,
        epoch,
        durable,
        previous: checksum(previous),
        checksum: checksum((sequence, epoch)),
        is_first: false,
    }
}

fn first(link: Link) -> Link {
    Link {
        is_first: true,
        ..link
    }
}

/// Numbers and epochs of the chain from `floor` on, its holes, and how much is torn.
#[track_caller]
fn check(links: &[Link], floor: u64, kept: &[(u64, u64)], holes: &[(u64, u64)], torn: usize) {
    let found = chain(links, floor, Vec::new());
    let link = |at: &usize| (links[*at].sequence, links[*at].epoch);
    let got: Vec<(u64, u64)> = found.kept.iter().map(link).collect();
    let hole = |hole: &Hole| (hole.first_sequence, hole.last_sequence);
    let got_holes: Vec<(u64, u64)> = found.holes.iter().map(hole).collect();
    assert_eq!((&got[..], &got_holes[..], found.torn), (kept, holes, torn));
}

#[test]
fn a_whole_log() {
    let links = [
        link(1, 1, 0, (0, 0)),
        link(2, 1, 1, (1, 1)),
        link(3, 2, 2, (2, 1)),
    ];
    check(&links, 0, &[(1, 1), (2, 1), (3, 2)], &[], 0);
    check(&links, 2, &[(2, 1), (3, 2)], &[], 0);
    check(&links, 4, &[], &[], 0);
    check(&[], 0, &[], &[], 0);
}

#[test]
fn a_tear_takes_what_is_behind_it() {
    // 2, 3 and 4 were one commit.
    let links = [
        link(1, 1, 0, (0, 0)),
        link(3, 1, 1, (2, 1)),
        link(4, 1, 1, (3, 1)),
    ];
    check(&links, 0, &[(1, 1)], &[], 2);
    // Right behind the floor, and at the start of the log.
    check(&links[1..], 2, &[], &[], 2);
    check(
        &[link(2, 1, 0, (1, 1)), link(3, 1, 0, (2, 1))],
        0,
        &[],
        &[],
        2,
    );
}

#[test]
fn a_hole_keeps_both_sides() {
    let links = [
        link(1, 1, 0, (0, 0)),
        link(3, 1, 1, (2, 1)),
        link(4, 1, 3, (3, 1)),
    ];
    check(&links, 0, &[(1, 1), (3, 1), (4, 1)], &[(2, 2)], 0);
    check(&links[1..], 0, &[(3, 1), (4, 1)], &[(1, 2)], 0);
}

#[test]
fn copies_count_once() {
    // 2 and 3 were written to a file that failed, and again to the next.
    let mut links = vec![
        link(1, 1, 0, (0, 0)),
        link(2, 1, 1, (1, 1)),
        link(3, 1, 1, (2, 1)),
        link(2, 2, 1, (1, 1)),
        link(3, 2, 1, (2, 2)),
    ];
    check(&links, 0, &[(1, 1), (2, 2), (3, 2)], &[], 0);
    // The second time 3 was not there yet: the first writing is whole.
    let early = links.pop();
    check(&links, 0, &[(1, 1), (2, 1), (3, 1)], &[], 0);
    // The second 2 is gone, the first stands for it.
    links.extend(early);
    links.remove(3);
    check(&links, 0, &[(1, 1), (2, 1), (3, 2)], &[], 0);
}

#[test]
fn leftovers_of_a_crash_stay_out() {
    // A crash tore 2 and left 3; the next start went on behind 1 with 4.
    let mut links = vec![
        link(1, 1, 0, (0, 0)),
        link(3, 1, 1, (2, 1)),
        first(link(4, 2, 1, (1, 1))),
        link(5, 2, 4, (4, 2)),
    ];
    check(&links, 0, &[(1, 1), (4, 2), (5, 2)], &[], 0);
    // The same when all before the floor is gone: the numbers left out are no loss.
    check(&links[2..], 2, &[(4, 2), (5, 2)], &[], 0);
    // Another copy of 1 stands for it.
    links[0] = link(1, 7, 0, (0, 0));
    check(&links, 0, &[(1, 7), (4, 2), (5, 2)], &[], 0);
    // The second life was torn as well.
    links.remove(2);
    links[2] = link(5, 2, 1, (4, 2));
    check(&links, 0, &[(1, 7)], &[], 2);
}

#[test]
fn what_may_be_where_the_disk_cannot_read_is_a_hole() {
    // Each second block is gone. Of none it is known that it was durable.
    const BLOCKS: u64 = 40_000;
    let blocks = (1..=BLOCKS).map(|at| link(2 * at, 1, 0, (2 * at - 1, 1)));
    let links: Vec<Link> = blocks.collect();
    let found = chain(&links, 0, Vec::new());
    assert_eq!((found.kept.len(), found.torn as u64), (0, BLOCKS));
    let gone: Vec<u64> = (1..=BLOCKS).rev().map(|at| 2 * at - 1).collect();
    let found = chain(&links, 0, gone);
    let (kept, holes) = (found.kept.len() as u64, found.holes.len() as u64);
    assert_eq!((kept, holes, found.torn), (BLOCKS, BLOCKS, 0));
}
