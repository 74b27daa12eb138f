-- One order_events row for each record of the journal; the other tables follow from them.

CREATE TABLE ledger_owner (
  instance_uid TEXT NOT NULL PRIMARY KEY,
  account TEXT NOT NULL
){table options};

-- The last record that is in the ledger; written with the rows of that record, in one transaction.
CREATE TABLE progress (
  one {whole} NOT NULL PRIMARY KEY CHECK (one = 1),
  position {whole} NOT NULL
){table options};
INSERT INTO progress (one, position) VALUES (1, 0);

CREATE TABLE order_events (
  position {whole} NOT NULL PRIMARY KEY,
  at_ns {whole} NOT NULL,
  event TEXT NOT NULL,
  client_order_id TEXT,
  record TEXT NOT NULL
){table options};
CREATE INDEX order_events_by_order ON order_events (client_order_id, position);

CREATE TABLE orders (
  client_order_id TEXT NOT NULL PRIMARY KEY,
  candidate_id TEXT NOT NULL,
  purpose TEXT NOT NULL,
  strategy TEXT NOT NULL,
  symbol TEXT NOT NULL,
  side TEXT NOT NULL,
  kind TEXT NOT NULL,
  time_in_force TEXT,
  limit_price {exact},
  trigger_price {exact},
  quantity {exact} NOT NULL,
  touch_price {exact} NOT NULL,
  live_ratio {exact},
  decided_ns {whole} NOT NULL,
  takeable_until_ns {whole} NOT NULL,
  intended_position {whole} NOT NULL,
  state TEXT NOT NULL,
  reason TEXT,
  cancel_reason TEXT,
  venue_order_id TEXT,
  filled_quantity {exact} NOT NULL,
  filled_value {exact} NOT NULL,
  filled_at_venue {exact},
  changed_position {whole} NOT NULL,
  changed_ns {whole} NOT NULL
){table options};
CREATE INDEX orders_by_symbol ON orders (symbol, intended_position);

CREATE TABLE fills (
  position {whole} NOT NULL PRIMARY KEY,
  trade_id TEXT NOT NULL,
  client_order_id TEXT NOT NULL,
  venue_order_id TEXT NOT NULL,
  symbol TEXT NOT NULL,
  side TEXT NOT NULL,
  price {exact} NOT NULL,
  quantity {exact} NOT NULL,
  value {exact} NOT NULL,
  fee {exact} NOT NULL,
  fee_asset TEXT NOT NULL,
  liquidity TEXT NOT NULL,
  venue_ns {whole} NOT NULL
){table options};
CREATE INDEX fills_by_order ON fills (client_order_id, position);
CREATE INDEX fills_by_symbol ON fills (symbol, venue_ns);

CREATE TABLE positions (
  symbol TEXT NOT NULL PRIMARY KEY,
  quantity {exact} NOT NULL,
  value {exact} NOT NULL,
  changed_position {whole} NOT NULL
){table options};

CREATE TABLE position_changes (
  position {whole} NOT NULL PRIMARY KEY,
  symbol TEXT NOT NULL,
  quantity_change {exact} NOT NULL,
  value_change {exact} NOT NULL,
  quantity_after {exact} NOT NULL,
  value_after {exact} NOT NULL
){table options};
CREATE INDEX position_changes_by_symbol ON position_changes (symbol, position);
