//! W and R: the mirror, the account, and what only the environment may differ in.

mod account_rules;
mod ceiling_rules;
mod desk;
mod environment_difference;
mod every_order;
mod halt_rules;
mod mirror_rules;
mod model_histories;
mod random_desks;
mod seal_of_the_chart;
mod seal_rules;
mod station_rules;
