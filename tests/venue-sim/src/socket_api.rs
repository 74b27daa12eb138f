//! The WebSocket API: requests as JSON, and subscriptions to events of accounts.

use std::net::IpAddr;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use triptych_engine::event::Timestamp;

use crate::api::{ApiError, Parameters, find_method, milliseconds};
use crate::core::{AccountId, Refusal};
use crate::faults::FaultKind;
use crate::limits::{Admission, WEIGHT_PER_MINUTE};
use crate::persona::Persona;
use crate::publisher::ConnectionId;
use crate::rest::{MAINTENANCE, TIMEOUT, beyond_limit, error_body};
use crate::signature::{BAD_SIGNATURE, check_time};

/// What a session's own requests cost.
const SESSION_WEIGHT: u32 = 2;

/// One client's session.
pub(crate) struct Session {
    address: IpAddr,
    connected: Timestamp,
    shows_limits: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    #[serde(default)]
    id: Value,
    method: String,
    #[serde(default)]
    params: Map<String, Value>,
}

/// What a request gets.
pub(crate) enum Reply {
    Now(String),
    Late(Duration, Request),
    Cut,
}

impl Session {
    pub(crate) fn new(address: IpAddr, connected: Timestamp, shows_limits: bool) -> Self {
        Self {
            address,
            connected,
            shows_limits,
        }
    }

    pub(crate) fn on_request(
        &self,
        persona: &Persona,
        connection: ConnectionId,
        text: &str,
    ) -> Reply {
        let Ok(request) = serde_json::from_str::<Request>(text) else {
            let error = json!({ "code": -1135, "msg": "Invalid JSON Request" });
            let reply = json!({ "id": null, "status": 400, "error": error });
            return Reply::Now(reply.to_string());
        };
        let refuse = |error: &ApiError| Reply::Now(reply_of(&request.id, Err(error), None));
        match persona.faults.on_request(&request.method) {
            Some(FaultKind::Delay { milliseconds }) => {
                Reply::Late(Duration::from_millis(milliseconds), request)
            }
            Some(FaultKind::Cut { carried_out }) => {
                if carried_out {
                    self.answer(persona, connection, &request);
                }
                Reply::Cut
            }
            Some(FaultKind::Truncate) => {
                let text = self.answer(persona, connection, &request);
                Reply::Now(text.chars().take(text.len() / 2).collect())
            }
            Some(FaultKind::Timeout { carried_out }) => {
                if carried_out {
                    self.answer(persona, connection, &request);
                }
                refuse(&TIMEOUT.into())
            }
            Some(FaultKind::TooManyRequests { retry_after }) => {
                refuse(&beyond_limit(429, retry_after))
            }
            Some(FaultKind::Banned { retry_after }) => refuse(&beyond_limit(418, retry_after)),
            _ => Reply::Now(self.answer(persona, connection, &request)),
        }
    }

    /// Carries a request out; the reply's text.
    pub(crate) fn answer(
        &self,
        persona: &Persona,
        connection: ConnectionId,
        request: &Request,
    ) -> String {
        let mut limits = Vec::new();
        let result = self.result(persona, connection, request, &mut limits);
        let shows_limits = match request.params.get("returnRateLimits") {
            Some(Value::Bool(shows)) => *shows,
            _ => self.shows_limits,
        };
        reply_of(
            &request.id,
            result.as_ref(),
            shows_limits.then_some(Value::Array(limits)),
        )
    }

    /// The result, and how far the limits are used.
    fn result(
        &self,
        persona: &Persona,
        connection: ConnectionId,
        request: &Request,
        limits: &mut Vec<Value>,
    ) -> Result<Value, ApiError> {
        if persona.is_in_maintenance() {
            return Err(MAINTENANCE.into());
        }
        let pairs = request
            .params
            .iter()
            .filter(|(name, _)| *name != "returnRateLimits")
            .map(|(name, value)| (name.clone(), as_text(value)));
        let parameters = Parameters::new(pairs)?;
        let endpoint = find_method(&request.method);
        let weight = endpoint.map_or(SESSION_WEIGHT, |endpoint| {
            Persona::weight_of(endpoint, &parameters)
        });
        let used = match persona.admit(self.address, weight) {
            Admission::Granted { used } => used,
            Admission::TooMuch { retry_after } => {
                return Err(beyond_limit(429, retry_after.unsigned_abs()));
            }
            Admission::Banned { retry_after } => {
                return Err(beyond_limit(418, retry_after.unsigned_abs()));
            }
        };
        limits.push(json!({
            "rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1,
            "limit": WEIGHT_PER_MINUTE, "count": used,
        }));
        let Some(endpoint) = endpoint else {
            return Ok(self.session_request(persona, connection, &parameters, request)?);
        };
        if !endpoint.is_signed {
            return persona.answer(endpoint, None, &parameters);
        }
        let account = account(persona, &parameters, request)?;
        let answered = persona.answer(endpoint, Some(account), &parameters);
        if endpoint.places_order {
            let counts = persona.lock().orders.shown(account, persona.now());
            limits.extend(counts.as_array().into_iter().flatten().cloned());
        }
        answered
    }

    fn session_request(
        &self,
        persona: &Persona,
        connection: ConnectionId,
        parameters: &Parameters,
        request: &Request,
    ) -> Result<Value, Refusal> {
        let now = persona.now();
        match request
            .method
            .strip_prefix("v3/")
            .unwrap_or(&request.method)
        {
            "userDataStream.subscribe.signature" => {
                let account = account(persona, parameters, request)?;
                let number = persona.lock().publisher.subscribe(connection, account);
                let number = number.ok_or(Refusal::new(
                    -2035,
                    "User Data Stream subscription already active.",
                ))?;
                Ok(json!({ "subscriptionId": number }))
            }
            "userDataStream.unsubscribe" => {
                let number = parameters.whole("subscriptionId")?.map(i64::unsigned_abs);
                let ended = persona
                    .lock()
                    .publisher
                    .unsubscribe(connection, number, now);
                if ended == 0 {
                    return Err(Refusal::new(
                        -2036,
                        "User Data Stream subscription not active.",
                    ));
                }
                Ok(json!({}))
            }
            "session.subscriptions" => {
                let numbers = persona.lock().publisher.subscriptions(connection);
                Ok(numbers
                    .into_iter()
                    .map(|number| json!({ "subscriptionId": number }))
                    .collect())
            }
            "session.status" | "session.logout" => {
                let active = persona.lock().publisher.subscriptions(connection);
                Ok(json!({
                    "apiKey": null, "authorizedSince": null,
                    "connectedSince": milliseconds(self.connected),
                    "returnRateLimits": self.shows_limits, "serverTime": milliseconds(now),
                    "userDataStream": !active.is_empty(),
                }))
            }
            // Sessions are for Ed25519 keys alone, and every key here is an HMAC key.
            "session.logon" => {
                account(persona, parameters, request)?;
                Err(Refusal::new(-4056, "HMAC_SHA256 API key is not supported."))
            }
            "userDataStream.subscribe" => Err(Refusal::new(
                -1002,
                "You are not authorized to execute this request.",
            )),
            "userDataStream.start" | "userDataStream.ping" | "userDataStream.stop" => {
                Err(Refusal::new(-1016, "This service is no longer available."))
            }
            other => Err(Refusal::with(
                -1020,
                format!("This operation is not supported. ({other})"),
            )),
        }
    }
}

fn reply_of(id: &Value, result: Result<&Value, &ApiError>, limits: Option<Value>) -> String {
    let mut reply = match result {
        Ok(value) => json!({ "id": id, "status": 200, "result": value }),
        Err(error) => json!({ "id": id, "status": error.status, "error": error_body(error) }),
    };
    if let Some(limits) = limits {
        reply["rateLimits"] = limits;
    }
    reply.to_string()
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Whose request it is: the signature is over the parameters in the order of their names.
fn account(
    persona: &Persona,
    parameters: &Parameters,
    request: &Request,
) -> Result<AccountId, Refusal> {
    let key = persona.key(parameters.text("apiKey").unwrap_or_default())?;
    let signature = parameters.needed("signature")?;
    check_time(parameters, persona.now())?;
    let mut pairs: Vec<(&String, String)> = request
        .params
        .iter()
        .filter(|(name, _)| *name != "signature")
        .map(|(name, value)| (name, as_text(value)))
        .collect();
    pairs.sort_unstable();
    let payload: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    if key.verifies(&payload.join("&"), signature) {
        Ok(key.account)
    } else {
        Err(BAD_SIGNATURE)
    }
}
