//! Requests as people write them, with what an URL should not have.

use std::io::{Read, Write};
use std::net::TcpStream;

use corelane::model::refusal::Protocol;

use crate::rig::{Rig, options};

#[test]
fn quotes_of_a_target_may_be_sent_as_they_are() {
    let rig = Rig::start(options("127.0.0.1"));
    let mut lines = rig.connect(Protocol::Graphite);
    lines
        .write_all(b"quoted.a 7 1700000010\n")
        .expect("a line is sent");
    rig.until_accepted(Protocol::Graphite, 1);
    let target = "alias(quoted.a,\"it's<mine>\")&from=1700000009&until=1700000010";
    let get = format!("GET /render?format=json&target={target} HTTP/1.1\r\nHost: x\r\n\r\n");
    let form = "target=alias(quoted.a,\"b\")&from=1700000009&until=1700000010";
    let post = format!(
        "POST /render?format=json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    // One connection, one after the other.
    let mut http = TcpStream::connect(rig.door(Protocol::Http)).expect("a connection");
    http.write_all(get.as_bytes()).expect("asked");
    let mut first = [0; 4096];
    let count = http.read(&mut first).expect("answered");
    http.write_all(get.as_bytes()).expect("asked again");
    let second = http.read(&mut first[count..]).expect("answered again");
    http.write_all(post.as_bytes()).expect("asked by a form");
    let mut answers = first[..count + second].to_vec();
    http.read_to_end(&mut answers).expect("all answers");
    let answers = String::from_utf8(answers).expect("text");
    let named = |name: &str| answers.matches(&format!("\"target\": \"{name}\"")).count();
    assert_eq!((named("it's<mine>"), named("b")), (2, 1), "{answers}");
}
