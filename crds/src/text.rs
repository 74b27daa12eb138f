//! Strings with a form: each type carries the pattern and the length that the API server enforces.

use std::{borrow::Cow, fmt, ops::Deref};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The rule of a number that is greater than 0. What is no number breaks the pattern, which says
/// more than a failed comparison.
pub(crate) const GREATER_THAN_ZERO: &str =
    "!isQuantity(self) || quantity(self).isGreaterThan(quantity('0'))";

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, max = $max:literal, pattern = $pattern:literal
        $(, rule = $rule:expr, message = $message:literal)?) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The regular expression that a value matches as a whole.
            pub const PATTERN: &'static str = $pattern;
            /// The longest value, in characters.
            pub const MAX_LENGTH: usize = $max;
        }

        impl Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                Self(value.to_owned())
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string", "maxLength": $max, "pattern": $pattern,
                    $("x-kubernetes-validations": [{ "rule": $rule, "message": $message }])?
                })
            }
        }
    };
}

text!(
    /// A non-negative decimal number as text, exact: at most 15 digits before the point and 8 behind
    /// it, no exponent, no sign, no leading zeros. `"0.00250000"` and `"0.0025"` are equal in value
    /// and different as configuration: the text is what is hashed.
    Decimal, max = 24, pattern = r"^(0|[1-9][0-9]{0,14})(\.[0-9]{1,8})?$"
);
text!(
    /// A ratio from 0 to 1 as decimal text, at most 8 digits behind the point.
    Ratio, max = 10, pattern = r"^(0(\.[0-9]{1,8})?|1(\.0{1,8})?)$"
);
text!(
    /// The name of a Kubernetes object that is also used as a label: a DNS label (RFC 1123).
    ObjectName, max = 63, pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
);
text!(
    /// The name of a cluster-wide class (StorageClass, PriorityClass): a DNS subdomain (RFC 1123).
    ClassName, max = 253, pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
);
text!(
    /// The name of an account. Its sealed namespaces are `trading-live-<name>` and
    /// `trading-demo-<name>`, which have to fit into 63 characters.
    AccountName, max = 50, pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
);
text!(
    /// SHA-256 in lowercase hexadecimal: 64 characters.
    Sha256Hex, max = 64, pattern = r"^[a-f0-9]{64}$"
);
text!(
    /// A container image by digest: `registry.example/trader@sha256:<64 hexadecimal digits>`. A tag
    /// may stand before the `@`; it decides nothing.
    ImageByDigest, max = 512, pattern = r"^[a-z0-9][-a-zA-Z0-9._:/]*@sha256:[a-f0-9]{64}$"
);
text!(
    /// The venue's symbol of an instrument, in capitals: `BTCUSDT`.
    Symbol, max = 20, pattern = r"^[A-Z0-9]{2,20}$"
);
text!(
    /// The venue's name of an asset, in capitals: `USDT`.
    Asset, max = 16, pattern = r"^[A-Z0-9]{1,16}$"
);
text!(
    /// The name of a strategy within its revision: a path segment of the dataset.
    StrategyName, max = 40, pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
);
text!(
    /// A file name without a path: letters, digits, `.`, `_` and `-`; neither `.` nor `..`.
    FileName, max = 128, pattern = r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$"
);
text!(
    /// An amount of a resource as Kubernetes writes it, greater than 0: `500m`, `2`, `512Mi`, `10Gi`.
    ResourceQuantity, max = 20, pattern = r"^[0-9]{1,12}(\.[0-9]{1,3})?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$",
    rule = GREATER_THAN_ZERO, message = "must be greater than 0"
);
text!(
    /// A WebSocket URL, `ws://` or `wss://`, with a host and optionally a port and a path; no user,
    /// no query.
    WebSocketUrl, max = 253, pattern = r"^wss?://[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(:[0-9]{1,5})?(/[-A-Za-z0-9._/]*)?$"
);
text!(
    /// An HTTP URL, `http://` or `https://`, with a host and optionally a port and a path; no user,
    /// no query.
    HttpUrl, max = 253, pattern = r"^https?://[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(:[0-9]{1,5})?(/[-A-Za-z0-9._/]*)?$"
);
text!(
    /// The identifier of a halt, as `status.halt.id` shows it.
    HaltId, max = 64, pattern = r"^[A-Za-z0-9][-A-Za-z0-9._]*$"
);
text!(
    /// A text that a person writes to say why: 1 to 500 characters.
    Reason, max = 500, pattern = r"^(.|\n){1,500}$"
);
