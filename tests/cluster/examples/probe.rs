//! A small static program for pods that tests look at: it listens, connects, resolves, writes.
//!
//! Each mode says its answer on standard output and ends with 0 if it is the one that is wanted.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::{Duration, Instant};

const USAGE: &str = "usage: probe listen PORT... | connect HOST:PORT [SECONDS] | resolve HOST | \
                     resolve-within HOST SECONDS | write FILE TEXT | read FILE | hold HOST:PORT";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let answer = match words.as_slice() {
        ["listen", ports @ ..] if !ports.is_empty() => listen(ports),
        ["connect", target] => connect(target, Duration::from_secs(3)),
        ["connect", target, seconds] => match seconds.parse() {
            Ok(seconds) => connect(target, Duration::from_secs(seconds)),
            Err(_) => Err(format!("{seconds:?} is no number of seconds")),
        },
        ["resolve", host] => resolve(host),
        ["resolve-within", host, seconds] => resolve_within(host, seconds),
        ["write", file, text] => std::fs::write(file, text)
            .map(|()| "written".to_owned())
            .map_err(|e| e.to_string()),
        ["read", file] => std::fs::read_to_string(file).map_err(|e| e.to_string()),
        ["hold", target] => hold(target),
        _ => Err(USAGE.to_owned()),
    };
    match answer {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            println!("failed: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Answers every connection on every port with the peer's address, and echoes what comes after.
fn listen(ports: &[&str]) -> Result<String, String> {
    let mut servers = Vec::new();
    for port in ports {
        let port: u16 = port.parse().map_err(|_| format!("{port:?} is no port"))?;
        let listener = TcpListener::bind(("0.0.0.0", port)).map_err(|error| error.to_string())?;
        println!("listening on {port}");
        servers.push(std::thread::spawn(move || serve(&listener)));
    }
    for server in servers {
        server.join().map_err(|_| "a server ended".to_owned())?;
    }
    Ok("done".to_owned())
}

fn serve(listener: &TcpListener) {
    for stream in listener.incoming().flatten() {
        std::thread::spawn(move || greet(stream));
    }
}

fn greet(mut stream: TcpStream) -> Option<()> {
    let peer = stream.peer_addr().ok()?;
    writeln!(stream, "hello {}", peer.ip()).ok()?;
    let mut buffer = [0; 512];
    loop {
        match stream.read(&mut buffer).ok()? {
            0 => return Some(()),
            length => stream.write_all(&buffer[..length]).ok()?,
        }
    }
}

fn connect(target: &str, within: Duration) -> Result<String, String> {
    let started = Instant::now();
    let address = first_address(target)?;
    let left = within
        .saturating_sub(started.elapsed())
        .max(Duration::from_millis(1));
    let mut stream = TcpStream::connect_timeout(&address, left).map_err(|e| e.to_string())?;
    stream
        .set_read_timeout(Some(within))
        .map_err(|e| e.to_string())?;
    read_line(&mut stream)
}

/// Keeps one connection and says every 100 ms whether it still carries an echo, until it does not.
fn hold(target: &str) -> Result<String, String> {
    let address = first_address(target)?;
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(3))
        .map_err(|error| error.to_string())?;
    stream
        .set_read_timeout(Some(Duration::from_secs(2)))
        .map_err(|error| error.to_string())?;
    read_line(&mut stream)?;
    loop {
        stream
            .write_all(b"x\n")
            .map_err(|error| error.to_string())?;
        read_line(&mut stream)?;
        println!("echo");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn resolve(host: &str) -> Result<String, String> {
    first_address(&format!("{host}:0")).map(|address| address.ip().to_string())
}

fn resolve_within(host: &str, seconds: &str) -> Result<String, String> {
    let seconds = seconds
        .parse()
        .map_err(|_| format!("{seconds:?} is no number of seconds"))?;
    let started = Instant::now();
    let address = resolve(host)?;
    let took = started.elapsed();
    if took <= Duration::from_secs(seconds) {
        Ok(address)
    } else {
        Err(format!("it took {took:?}"))
    }
}

fn first_address(target: &str) -> Result<SocketAddr, String> {
    let mut found = target
        .to_socket_addrs()
        .map_err(|error| error.to_string())?;
    found
        .next()
        .ok_or_else(|| format!("{target} has no address"))
}

fn read_line(stream: &mut TcpStream) -> Result<String, String> {
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        match stream.read(&mut byte) {
            Ok(0) => return Err("the connection was closed".to_owned()),
            Ok(_) if byte == *b"\n" => return Ok(String::from_utf8_lossy(&line).into_owned()),
            Ok(_) => line.push(byte[0]),
            Err(error) => return Err(error.to_string()),
        }
    }
}
