//! The admin port: faults, and what a persona is doing.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::core::SymbolStatus;
use crate::faults::Fault;
use crate::persona::Persona;
use crate::records::Records;
use crate::settings::PersonaName;
use crate::side_by_side::side_by_side;

type Personas = Arc<[Arc<Persona>; 2]>;

pub(crate) fn routes(personas: Personas) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/statement", get(statement))
        .route("/personas/{persona}", get(books))
        .route("/personas/{persona}/records", get(records))
        .route(
            "/personas/{persona}/faults",
            get(list_faults).post(arm).delete(clear),
        )
        .route("/personas/{persona}/cut", post(cut))
        .route("/personas/{persona}/disconnect", post(disconnect))
        .route("/personas/{persona}/clock", post(set_clock))
        .route("/personas/{persona}/maintenance", post(set_maintenance))
        .route("/personas/{persona}/wipe", post(wipe))
        .route("/personas/{persona}/symbols/{symbol}", post(set_symbol))
        .with_state(personas)
}

/// The persona of a path.
fn find(personas: &Personas, name: PersonaName) -> &Persona {
    match name {
        PersonaName::Live => &personas[0],
        PersonaName::Demo => &personas[1],
    }
}

async fn books(State(personas): State<Personas>, Path(name): Path<PersonaName>) -> Json<Value> {
    Json(find(&personas, name).books())
}

async fn records(
    State(personas): State<Personas>,
    Path(name): Path<PersonaName>,
) -> Json<Vec<Records>> {
    Json(find(&personas, name).records())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Since {
    /// Milliseconds since 1970.
    since: Option<i64>,
}

/// Account by account in the order of the settings, the live one beside the demo one.
async fn statement(
    State(personas): State<Personas>,
    Query(Since { since }): Query<Since>,
) -> String {
    let [live, demo] = [PersonaName::Live, PersonaName::Demo];
    let live = find(&personas, live).statements();
    let demo = find(&personas, demo).statements();
    let pairs = live.iter().zip(&demo);
    let tables: Vec<String> = pairs
        .map(|(live, demo)| side_by_side(live, demo, since))
        .collect();
    tables.join("\n")
}

async fn list_faults(
    State(personas): State<Personas>,
    Path(name): Path<PersonaName>,
) -> Json<Vec<Fault>> {
    Json(find(&personas, name).faults.list())
}

async fn arm(
    State(personas): State<Personas>,
    Path(name): Path<PersonaName>,
    Json(fault): Json<Fault>,
) -> Response {
    if let Some(problem) = fault.problem() {
        return (StatusCode::BAD_REQUEST, problem).into_response();
    }
    let faults = &find(&personas, name).faults;
    faults.arm(fault);
    Json(faults.list()).into_response()
}

async fn clear(State(personas): State<Personas>, Path(name): Path<PersonaName>) -> Json<Value> {
    find(&personas, name).faults.clear();
    Json(json!([]))
}

async fn cut(State(personas): State<Personas>, Path(name): Path<PersonaName>) -> Json<Value> {
    end_connections(find(&personas, name), false)
}

async fn disconnect(
    State(personas): State<Personas>,
    Path(name): Path<PersonaName>,
) -> Json<Value> {
    end_connections(find(&personas, name), true)
}

fn end_connections(persona: &Persona, is_announced: bool) -> Json<Value> {
    let now = persona.now();
    let ended = persona.lock().publisher.end_all(is_announced, now);
    Json(json!({ "connections": ended }))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Clock {
    skew_milliseconds: i64,
}

async fn set_clock(
    State(personas): State<Personas>,
    Path(name): Path<PersonaName>,
    Json(clock): Json<Clock>,
) -> Json<Value> {
    let persona = find(&personas, name);
    persona.set_skew(clock.skew_milliseconds);
    Json(persona.books())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Maintenance {
    on: bool,
}

async fn set_maintenance(
    State(personas): State<Personas>,
    Path(name): Path<PersonaName>,
    Json(maintenance): Json<Maintenance>,
) -> Json<Value> {
    let persona = find(&personas, name);
    persona.set_maintenance(maintenance.on);
    Json(persona.books())
}

async fn wipe(State(personas): State<Personas>, Path(name): Path<PersonaName>) -> Json<Value> {
    let persona = find(&personas, name);
    persona.wipe();
    Json(persona.books())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Symbol {
    halted: bool,
}

async fn set_symbol(
    State(personas): State<Personas>,
    Path((name, symbol)): Path<(PersonaName, String)>,
    Json(wanted): Json<Symbol>,
) -> Response {
    let status = if wanted.halted {
        SymbolStatus::Halt
    } else {
        SymbolStatus::Trading
    };
    if find(&personas, name).set_status(&symbol, status) {
        Json(json!({ "symbol": symbol, "status": status.name() })).into_response()
    } else {
        let problem = format!("symbol {symbol:?} is not traded here");
        (StatusCode::NOT_FOUND, problem).into_response()
    }
}
