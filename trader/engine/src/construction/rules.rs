//! The risk rules of a revision.

use triptych_crds::config_revision::ConfigRevisionSpec;
use triptych_crds::risk_rules::RiskRule as RuleSpec;

use super::Builder;
use crate::decimal::Ratio;
use crate::risk::RiskRule;
use crate::risk::balance::Balance;
use crate::risk::cooldown_period::CooldownPeriod;
use crate::risk::daily_loss::DailyLoss;
use crate::risk::duplicate_intent::DuplicateIntent;
use crate::risk::gross_exposure::GrossExposure;
use crate::risk::loss_streak::LossStreak;
use crate::risk::low_profit_instruments::LowProfitInstruments;
use crate::risk::max_drawdown::MaxDrawdown;
use crate::risk::max_spread::MaxSpread;
use crate::risk::modify_rate::ModifyRate;
use crate::risk::net_exposure::NetExposure;
use crate::risk::notional_limits::NotionalLimits;
use crate::risk::order_rate::OrderRate;
use crate::risk::precision::Precision;
use crate::risk::price_collar::PriceCollar;
use crate::risk::quantity_limits::QuantityLimits;
use crate::risk::reduce_only::ReduceOnly;
use crate::risk::rolling_drawdown::RollingDrawdown;
use crate::risk::stale_data::StaleData;
use crate::risk::stoploss_guard::StoplossGuard;

impl Builder {
    pub(super) fn rules(&mut self, spec: &ConfigRevisionSpec) -> Vec<Box<dyn RiskRule>> {
        let mut rules: Vec<Box<dyn RiskRule>> = Vec::with_capacity(spec.risk_rules.len());
        for (index, rule) in spec.risk_rules.iter().enumerate() {
            let path = format!("spec.riskRules[{index}].{}", rule.name());
            if spec.risk_rules[..index]
                .iter()
                .any(|known| known.name() == rule.name())
            {
                self.invalid(&path, rule.name(), "each rule once");
            }
            let built = self.rule(&path, rule, spec);
            if built.description().looks_at_portfolio && spec.portfolio.is_none() {
                self.invalid(
                    &path,
                    rule.name(),
                    "spec.portfolio with quoteBalance and takerFeeBasisPoints beside it",
                );
            }
            rules.push(built);
        }
        rules
    }

    fn rule(
        &mut self,
        path: &str,
        rule: &RuleSpec,
        spec: &ConfigRevisionSpec,
    ) -> Box<dyn RiskRule> {
        let field = |name: &str| format!("{path}.{name}");
        let instruments = spec.instruments.len();
        match rule {
            RuleSpec::Precision(_) => Box::new(Precision),
            RuleSpec::QuantityLimits(limits) => {
                let minimum = self.decimal(&field("minimum"), &limits.minimum);
                let maximum = self.decimal(&field("maximum"), &limits.maximum);
                self.in_order(&field("minimum"), minimum, maximum);
                Box::new(QuantityLimits { minimum, maximum })
            }
            RuleSpec::NotionalLimits(limits) => {
                let minimum = self.decimal(&field("minimum"), &limits.minimum);
                let maximum = self.decimal(&field("maximum"), &limits.maximum);
                self.in_order(&field("minimum"), minimum, maximum);
                Box::new(NotionalLimits { minimum, maximum })
            }
            RuleSpec::PriceCollar(collar) => Box::new(PriceCollar {
                basis_points: self.decimal::<Ratio>(&field("basisPoints"), &collar.basis_points),
            }),
            RuleSpec::MaxSpread(spread) => Box::new(MaxSpread {
                basis_points: self.decimal::<Ratio>(&field("basisPoints"), &spread.basis_points),
            }),
            RuleSpec::StaleData(stale) => Box::new(StaleData {
                max_age_milliseconds: stale.max_age_milliseconds,
            }),
            RuleSpec::DuplicateIntent(duplicate) => Box::new(DuplicateIntent::new(
                duplicate.window_milliseconds,
                spec.strategies.len(),
                instruments,
            )),
            RuleSpec::Balance(balance) => Box::new(Balance {
                reserve: self.decimal(&field("reserve"), &balance.reserve),
            }),
            RuleSpec::ReduceOnly(_) => Box::new(ReduceOnly),
            RuleSpec::GrossExposure(exposure) => Box::new(GrossExposure {
                limit: self.decimal(&field("limit"), &exposure.limit),
            }),
            RuleSpec::NetExposure(exposure) => Box::new(NetExposure {
                limit: self.decimal(&field("limit"), &exposure.limit),
            }),
            RuleSpec::OrderRate(rate) => {
                Box::new(OrderRate::new(rate.maximum, rate.interval_milliseconds))
            }
            RuleSpec::ModifyRate(rate) => {
                Box::new(ModifyRate::new(rate.maximum, rate.interval_milliseconds))
            }
            RuleSpec::DailyLoss(loss) => Box::new(DailyLoss::new(
                self.decimal(&field("limit"), &loss.limit),
                loss.day_starts_at_hour,
                loss.on_breach,
            )),
            RuleSpec::RollingDrawdown(drawdown) => Box::new(RollingDrawdown::new(
                self.decimal(&field("limit"), &drawdown.limit),
                drawdown.window_seconds,
                drawdown.on_breach,
            )),
            RuleSpec::LossStreak(streak) => Box::new(LossStreak::new(
                streak.maximum,
                streak.pause_seconds,
                streak.on_breach,
            )),
            RuleSpec::StoplossGuard(guard) => Box::new(StoplossGuard::new(guard, instruments)),
            RuleSpec::MaxDrawdown(drawdown) => {
                let limit = self.decimal(&field("limit"), &drawdown.limit);
                Box::new(MaxDrawdown::new(drawdown, limit))
            }
            RuleSpec::CooldownPeriod(cooldown) => {
                Box::new(CooldownPeriod::new(cooldown.pause_seconds, instruments))
            }
            RuleSpec::LowProfitInstruments(low) => {
                let required = self.decimal(&field("requiredProfit"), &low.required_profit);
                Box::new(LowProfitInstruments::new(low, required, instruments))
            }
        }
    }
}
