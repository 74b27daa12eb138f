//! An account, made by its chart as a platform team makes it.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use kube::{Api, api::PostParams};
use serde_json::json;
use triptych_crds::TradingAccount;

use crate::{installation, lab::Lab, namespace::TestNamespace, wait};

/// The group that makes the keys.
pub const CUSTODIANS: &str = "triptych:key-custodians";
/// The group that owns sealed namespaces.
pub const PLATFORM: &str = "triptych:platform";
/// The group that may look at the sealed namespaces of a test's account.
pub const TEAM: &str = "traders";

/// An account of a test's own, whose instances are declared in a namespace of the test's own. A
/// member of the platform team installs it.
pub struct Account {
    /// The namespace in which the account's instances are declared.
    pub team: TestNamespace,
    /// Name of the account.
    pub name: String,
    /// The member of the platform team.
    platform: String,
}

impl Account {
    /// Declares nothing yet: a namespace for the team, and somebody of the platform team.
    pub async fn new(lab: &'static Lab, purpose: &str) -> Result<Self> {
        let team = TestNamespace::create(lab, purpose).await?;
        let account = Self {
            name: format!("of-{}", team.name()),
            platform: format!("platform-{}", team.name()),
            team,
        };
        account.appoint_platform().await?;
        Ok(account)
    }

    /// Gives the platform's member the rights of an administrator, as docs/accounts.md asks for.
    async fn appoint_platform(&self) -> Result<()> {
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": { "name": self.platform },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": self.platform }]
        });
        self.team.apply(&binding).await?;
        wait::until_answer("the platform's member is an administrator", async || {
            let allowed = self
                .may(&self.platform, &[], "create", "namespaces", "")
                .await?;
            Ok(allowed.then_some(()))
        })
        .await
    }

    /// Runs helm as the platform's member.
    pub fn helm(&self, words: &[&str]) -> Result<String> {
        let identity = [
            "--namespace",
            installation::NAMESPACE,
            "--kube-as-user",
            &self.platform,
            "--kube-as-group",
            PLATFORM,
        ];
        self.team.lab.helm(&[words, &identity].concat())
    }

    /// Runs kubectl as the platform's member.
    pub fn kubectl(&self, words: &[&str]) -> Result<String> {
        let identity = ["--as", &self.platform, "--as-group", PLATFORM];
        self.team.lab.kubectl(&[words, &identity].concat())
    }

    /// Installs or upgrades the account and returns what helm told.
    pub fn apply(&self, values: &[&str]) -> Result<String> {
        let name = format!("account={}", self.name);
        let (address, port) = self.api_server()?;
        let required = [
            name,
            format!("allowedNamespaces={{{}}}", self.team.name()),
            format!("team.groups={{{TEAM}}}"),
            "venue=BinanceSpot".to_owned(),
            format!("network.apiServer.cidrs={{{address}/32}}"),
            format!("network.apiServer.port={port}"),
        ];
        let chart = "charts/trading-account";
        let mut words = vec!["upgrade", "--install", &self.name, chart];
        for value in required
            .iter()
            .map(String::as_str)
            .chain(values.iter().copied())
        {
            words.extend(["--set", value]);
        }
        self.helm(&words)
    }

    /// Address and port of the API server, as pods reach it.
    fn api_server(&self) -> Result<(String, String)> {
        let printed = self.team.lab.kubectl(&[
            "get",
            "endpointslices",
            "kubernetes",
            "--namespace=default",
            "--output=jsonpath={.endpoints[0].addresses[0]} {.ports[0].port}",
        ])?;
        let (address, port) = printed
            .split_once(' ')
            .with_context(|| format!("no address and port: {printed:?}"))?;
        Ok((address.to_owned(), port.to_owned()))
    }

    /// The sealed namespace of a side.
    pub fn sealed(&self, side: &str) -> String {
        format!("trading-{side}-{}", self.name)
    }

    /// What the chart made in a namespace, as `kubectl get --output=name` names it.
    pub fn objects_in(&self, namespace: &str) -> Result<BTreeSet<String>> {
        let kinds =
            "leases,networkpolicies,resourcequotas,roles,rolebindings,serviceaccounts,secrets";
        let selector = format!("triptych.trading/account={}", self.name);
        let words = [
            "get",
            kinds,
            "--namespace",
            namespace,
            "--selector",
            &selector,
            "--output=name",
        ];
        let printed = self.team.lab.kubectl(&words)?;
        Ok(printed.lines().map(str::to_owned).collect())
    }

    /// Whether somebody may do something, `resource` with its subresource and name: `pods/log`,
    /// `leases:trader`.
    pub async fn may(
        &self,
        user: &str,
        groups: &[&str],
        verb: &str,
        resource: &str,
        namespace: &str,
    ) -> Result<bool> {
        let (resource, name) = resource.split_once(':').unwrap_or((resource, ""));
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let group = match resource {
            "leases" => "coordination.k8s.io",
            "statefulsets" => "apps",
            "tradinginstances" | "tradingaccounts" => "triptych.trading",
            "rolebindings" => "rbac.authorization.k8s.io",
            _ => "",
        };
        let groups = [groups, &["system:authenticated"]].concat();
        let review: SubjectAccessReview = serde_json::from_value(json!({ "spec": {
            "user": user,
            "groups": groups,
            "resourceAttributes": {
                "namespace": namespace, "verb": verb, "group": group,
                "resource": resource, "subresource": subresource, "name": name
            }
        } }))?;
        let reviews: Api<SubjectAccessReview> = Api::all(self.team.client.clone());
        let answer = reviews.create(&PostParams::default(), &review).await?;
        Ok(answer.status.context("a review without an answer")?.allowed)
    }

    /// Waits until the account's status names no instance that trades it.
    async fn until_nobody_holds_it(&self) -> Result<()> {
        let accounts: Api<TradingAccount> = Api::all(self.team.client.clone());
        let free = |account: &TradingAccount| {
            let status = account.status.as_ref();
            let sides = status.map(|status| [status.live.as_ref(), status.demo.as_ref()]);
            let mut sides = sides.into_iter().flatten().flatten();
            sides.all(|side| side.writer.is_none())
        };
        wait::until(&accounts, &self.name, "nobody holds it", |account| {
            account.is_none_or(free)
        })
        .await
        .map(|_| ())
    }

    /// Removes the account as docs/accounts.md says, and waits until it is gone.
    pub async fn remove(self) -> Result<()> {
        self.helm(&["uninstall", &self.name])?;
        self.until_nobody_holds_it().await?;
        let selector = format!("triptych.trading/account={}", self.name);
        let meant = format!("triptych.trading/decommission={}", self.name);
        for words in [
            &["delete", "tradingaccounts"][..],
            &["annotate", "namespaces", &meant],
            &["delete", "namespaces"],
            &["delete", "rolebindings,roles", "--all-namespaces"],
            &["delete", "clusterrolebindings,clusterroles"],
        ] {
            self.kubectl(&[words, &["--selector", &selector]].concat())?;
        }
        ensure!(
            self.objects_in(self.team.name())?.is_empty(),
            "rights are left in the team's namespace"
        );
        let bindings = ["delete", "clusterrolebinding", &self.platform];
        self.team.lab.kubectl(&bindings)?;
        self.team.finish().await
    }
}
