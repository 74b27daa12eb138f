//! Accounts, their balances and what changes them.

use triptych_engine::decimal::{Price, Quantity, Ratio, UNITS_PER_WHOLE};

/// An amount of any asset, in units of 10⁻⁸: the decimals that the venue keeps balances with.
pub type Amount = Quantity;

/// An account's place in the venue's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub usize);

/// An asset's place in the venue's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetId(pub usize);

/// What an account has of one asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balance {
    /// At its disposal.
    pub free: Amount,
    /// Held for open orders.
    pub locked: Amount,
}

/// Parts of a fill's received asset that the venue keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommissionRates {
    /// Of an order that waited in the book.
    pub maker: Ratio,
    /// Of an order that took from it.
    pub taker: Ratio,
}

/// One account.
#[derive(Debug, Clone)]
pub struct Account {
    /// The number that the venue shows.
    pub uid: u64,
    /// Its rates.
    pub rates: CommissionRates,
    balances: Vec<Balance>,
}

impl Account {
    /// What it has of an asset.
    pub fn balance(&self, asset: AssetId) -> Balance {
        self.balances[asset.0]
    }
}

/// Every account, and what the crowd and the venue have gained or lost against them: what one gets,
/// another gave.
#[derive(Debug, Clone)]
pub struct Ledger {
    assets: Vec<String>,
    accounts: Vec<Account>,
    crowd: Vec<i128>,
    commissions: Vec<i128>,
}

/// An account has too little.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Insufficient;

/// One side of a fill: what an account gives, what it gets, and what was locked for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exchange {
    pub(crate) gives: (AssetId, Amount),
    pub(crate) gets: (AssetId, Amount),
    pub(crate) unlocks: Amount,
    pub(crate) rate: Ratio,
}

impl Ledger {
    /// A ledger of these assets without accounts.
    pub fn new(assets: Vec<String>) -> Self {
        let count = assets.len();
        Self {
            assets,
            accounts: Vec::new(),
            crowd: vec![0; count],
            commissions: vec![0; count],
        }
    }

    /// Opens an account with nothing in it.
    pub fn open(&mut self, uid: u64, rates: CommissionRates) -> AccountId {
        self.accounts.push(Account {
            uid,
            rates,
            balances: vec![Balance::default(); self.assets.len()],
        });
        AccountId(self.accounts.len() - 1)
    }

    /// The account.
    pub fn account(&self, account: AccountId) -> &Account {
        &self.accounts[account.0]
    }

    /// Every asset with its name.
    pub fn assets(&self) -> impl Iterator<Item = (AssetId, &str)> {
        self.assets
            .iter()
            .enumerate()
            .map(|(index, name)| (AssetId(index), name.as_str()))
    }

    /// The asset of this name.
    pub fn asset(&self, name: &str) -> Option<AssetId> {
        self.assets
            .iter()
            .position(|known| known == name)
            .map(AssetId)
    }

    /// The name of an asset.
    pub fn asset_name(&self, asset: AssetId) -> &str {
        &self.assets[asset.0]
    }

    /// All that there is of an asset, in units of 10⁻⁸: with every account, the crowd and the venue.
    /// Only deposits and withdrawals change it.
    pub fn total(&self, asset: AssetId) -> i128 {
        let accounts: i128 = self
            .accounts
            .iter()
            .map(|account| account.balance(asset))
            .map(|balance| i128::from(balance.free.units()) + i128::from(balance.locked.units()))
            .sum();
        accounts + self.crowd[asset.0] + self.commissions[asset.0]
    }

    /// Sets what is free of an asset, from outside; the change.
    pub fn set_free(&mut self, account: AccountId, asset: AssetId, free: Amount) -> i64 {
        let balance = self.balance_mut(account, asset);
        let change = free.units() - balance.free.units();
        balance.free = free;
        change
    }

    /// Holds an amount for an order.
    pub(crate) fn lock(
        &mut self,
        account: AccountId,
        asset: AssetId,
        amount: Amount,
    ) -> Result<(), Insufficient> {
        let balance = self.balance_mut(account, asset);
        if balance.free < amount {
            return Err(Insufficient);
        }
        balance.free = minus(balance.free, amount);
        balance.locked = plus(balance.locked, amount);
        Ok(())
    }

    /// Gives a held amount back.
    pub(crate) fn unlock(&mut self, account: AccountId, asset: AssetId, amount: Amount) {
        let balance = self.balance_mut(account, asset);
        balance.locked = minus(balance.locked, amount);
        balance.free = plus(balance.free, amount);
    }

    /// Carries one side of a fill out; the commission.
    pub(crate) fn exchange(&mut self, account: AccountId, exchange: &Exchange) -> Amount {
        let (given, paid) = exchange.gives;
        self.unlock(account, given, exchange.unlocks);
        let balance = self.balance_mut(account, given);
        balance.free = minus(balance.free, paid);
        let (received, gross) = exchange.gets;
        let commission = part_of(gross, exchange.rate);
        let balance = self.balance_mut(account, received);
        balance.free = plus(balance.free, minus(gross, commission));
        self.commissions[received.0] += i128::from(commission.units());
        commission
    }

    /// The crowd was the other side of a fill.
    pub(crate) fn crowd_trades(&mut self, gets: (AssetId, Amount), gives: (AssetId, Amount)) {
        self.crowd[gets.0.0] += i128::from(gets.1.units());
        self.crowd[gives.0.0] -= i128::from(gives.1.units());
    }

    fn balance_mut(&mut self, account: AccountId, asset: AssetId) -> &mut Balance {
        &mut self.accounts[account.0].balances[asset.0]
    }
}

/// What a quantity is worth at a price, rounded down to the 10⁻⁸ that balances have. Where tick times
/// lot is no finer than that, as on the venue's own symbols, nothing is rounded.
pub fn value_of(price: Price, quantity: Quantity) -> Amount {
    let units = price.notional(quantity).units() / i128::from(UNITS_PER_WHOLE);
    Amount::from_units(i64::try_from(units).unwrap_or(i64::MAX))
}

/// A rate's part of an amount, rounded down to 10⁻⁸.
fn part_of(amount: Amount, rate: Ratio) -> Amount {
    amount.scaled_by(rate)
}

const fn plus(one: Amount, other: Amount) -> Amount {
    Amount::from_units(one.units() + other.units())
}

const fn minus(one: Amount, other: Amount) -> Amount {
    Amount::from_units(one.units() - other.units())
}
