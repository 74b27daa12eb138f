//! A trader's endpoints, asked from the console of its node: the network policies of a sealed namespace let
//! nobody else reach them but the operator.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
};

/// The trader's port.
const PORT: u16 = 8080;

/// A connection that stays open from one question to the next. It ends when this is dropped.
pub struct TraderConnection {
    answers: BufReader<ChildStdout>,
    questions: ChildStdin,
    _socat: Child,
}

impl TraderConnection {
    /// Connects to the trader in a pod. The pod's node must be one of this machine's local cluster.
    pub fn open(pod: &Pod) -> Result<Self> {
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_ref());
        let address = pod
            .status
            .as_ref()
            .and_then(|status| status.pod_ip.as_ref());
        let mut socat = Command::new("nsenter")
            .arg(format!(
                "--net=/run/netns/{}",
                node.context("a pod without a node")?
            ))
            .args(["socat", "STDIO"])
            .arg(format!(
                "TCP:{}:{PORT},nodelay",
                address.context("a pod without an address")?
            ))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("start nsenter")?;
        Ok(Self {
            answers: BufReader::new(socat.stdout.take().context("no standard output")?),
            questions: socat.stdin.take().context("no standard input")?,
            _socat: socat,
        })
    }

    /// What the trader says of itself.
    pub async fn status(&mut self) -> Result<Value> {
        self.ask("GET /v1/status HTTP/1.1\r\nHost: trader\r\n\r\n")
            .await
    }

    /// Halts the trader.
    pub async fn halt(&mut self, token: &str, reason: &str) -> Result<Value> {
        let body = json!({ "reason": reason }).to_string();
        let length = body.len();
        self.ask(&format!(
            "POST /v1/halt HTTP/1.1\r\nHost: trader\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
        .await
    }

    async fn ask(&mut self, question: &str) -> Result<Value> {
        self.questions.write_all(question.as_bytes()).await?;
        let verdict = self.line().await?;
        let mut length = 0;
        loop {
            let line = self.line().await?.to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().with_context(|| line.clone())?;
            }
        }
        let mut body = vec![0; length];
        self.answers.read_exact(&mut body).await?;
        let body = String::from_utf8_lossy(&body);
        ensure!(verdict.starts_with("HTTP/1.1 200"), "{verdict}: {body}");
        serde_json::from_str(&body).with_context(|| format!("not JSON: {body}"))
    }

    async fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        let read = self.answers.read_line(&mut line).await?;
        ensure!(read > 0, "the trader ended the connection");
        Ok(line.trim_end().to_owned())
    }
}
