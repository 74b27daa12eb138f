//! The rows of the threat model's catalogue, and which attacks belong to each.

/// A row, and words of which the descriptions of its attacks have one. An attack belongs to the first
/// row that has a word of it.
pub(crate) type Row = (&'static str, &'static [&'static str]);

const NAMESPACES: &[Row] = &[
    ("a sealed namespace deleted unannounced", &["in passing"]),
    (
        "a sealed namespace created by others than the platform",
        &["create a live namespace", "create a demo namespace"],
    ),
    (
        "a guarded namespace deleted or finalized by others",
        &[
            "delete a live namespace",
            "delete a demo namespace",
            "delete the operator's namespace",
            "finalize a live namespace",
        ],
    ),
    (
        "labels of a sealed namespace removed",
        &["label from a live namespace"],
    ),
    (
        "labels of a sealed namespace forged",
        &["label of a live namespace", "label to a live namespace"],
    ),
    (
        "Pod Security of a sealed namespace weakened",
        &["Pod Security"],
    ),
    (
        "an account deleted under its trader",
        &[
            "delete an account",
            "delete all accounts",
            "have an account collected",
        ],
    ),
    (
        "an account used without the right",
        &["somebody else's account", "not there yet"],
    ),
    (
        "break-glass without the right",
        &["glass broken", "with edit alone", "than somebody else did"],
    ),
    ("break-glass without an end", &["break glass"]),
];

const OPERATOR: &[Row] = &[
    (
        "exec in the operator's namespace",
        &["exec in the operator's"],
    ),
    (
        "a pod run as the operator, by every kind of workload",
        &[
            "run a pod as the operator",
            "run a Deployment as the operator",
            "run a DaemonSet as the operator",
            "run a Job as the operator",
        ],
    ),
    (
        "the operator's Deployment changed, scaled or deleted",
        &["operator's Deployment", "scale the operator"],
    ),
    (
        "rights granted in the operator's namespace",
        &["grant edit in the operator's"],
    ),
    (
        "a token of the operator that no pod has",
        &["token of the operator", "token that no pod has"],
    ),
    ("the operator impersonated", &["by impersonation"]),
    (
        "the operator on another node than a W node",
        &[
            "operator's pod: without the W selector",
            "operator's pod: on a node",
        ],
    ),
    (
        "something beside the operator in its pod",
        &["operator's pod: "],
    ),
];

const CONTENTS: &[Row] = &[
    (
        "exec and attach, by POST and GET",
        &["attach", "exec, by", "exec as", "exec into"],
    ),
    (
        "port-forward and proxy",
        &["forward a port", "through the API server"],
    ),
    ("a daemon of the nodes beyond its job", &["network's agent"]),
    (
        "Roles and RoleBindings in a sealed namespace",
        &["grant edit", "make a Role"],
    ),
    ("tokens of the trader's account", &["a token of the trader"]),
    ("Leases taken over", &["Lease"]),
    (
        "keys written or deleted by others than custodians",
        &["write a key as", "delete a key as"],
    ),
    ("a trader evicted", &["evict a trader"]),
    (
        "a trader deleted, by force, with all others",
        &["delete a trader", "delete all pods"],
    ),
    (
        "a trader's status or StatefulSet written",
        &["trader's status", "scale a trader", "trader's StatefulSet"],
    ),
    (
        "network or quota of a sealed namespace opened",
        &["network policy", "open the network", "widen the quota"],
    ),
    (
        "configurations and instances slipped into a sealed namespace",
        &["write a ConfigMap", "declare an instance"],
    ),
    (
        "a trader's pod made by others than its controller",
        &["start a pod"],
    ),
    (
        "every kind of workload in a sealed namespace",
        &["start a "],
    ),
];

const STOLEN: &[Row] = &[(
    "a pod on another node that names a key",
    &[
        "mount the key on",
        "in the environment on",
        "with the key on",
        "do not mount it on",
    ],
)];

const SHAPE: &[Row] = &[
    (
        "a demo pod that asks for a W node",
        &[
            "demo pod: without the affinity",
            "demo pod: with a second term",
            "demo pod: with the W selector",
            "demo pod: tolerating",
        ],
    ),
    (
        "tolerations of a trader",
        &["live pod: without tolerations", "live pod: tolerating"],
    ),
    ("spec.nodeName", &["pod: put on"]),
    (
        "a foreign scheduler, or a gate before it",
        &["another scheduler", "scheduling gate"],
    ),
    (
        "the node selector of a live pod removed or changed",
        &[
            "live pod: without the W selector",
            "live pod: with the selector",
            "live pod: with an affinity",
        ],
    ),
    (
        "the tier of a pod stripped or forged",
        &["pod: without its tier", "pod: with the tier"],
    ),
    (
        "another name, manager or account of a trader",
        &[
            "under another name",
            "managed by somebody else",
            "default account",
        ],
    ),
    (
        "a trader that shares more with its node or network",
        &[
            "sharing processes",
            "names of hosts",
            "name servers",
            "addresses of services",
            "not started again",
        ],
    ),
    ("claims on devices", &["claim on a device"]),
    ("imagePullSecrets", &["pulling with the live key"]),
    (
        "sidecars and init containers",
        &["second container", "init container"],
    ),
    ("an image by tag", &["image by tag"]),
    (
        "another command, arguments, hooks, probes",
        &["another command", "with arguments", "a hook", "a probe"],
    ),
    ("keys in the environment", &["in its environment"]),
    (
        "another tier, account or configuration told to the trader",
        &[
            "says tier",
            "for another account",
            "for another configuration",
            "not the operator's",
        ],
    ),
    ("a root file system that can be written", &["file system"]),
    (
        "another configuration mounted",
        &["not of its hash", "configuration hash"],
    ),
    (
        "another journal, or none",
        &[
            "another journal",
            "journal that is forgotten",
            "part of a volume",
        ],
    ),
    (
        "further volumes: claims, ephemeral, drivers, images",
        &["live pod: with a further"],
    ),
    (
        "another Secret, or another way to the key",
        &[
            "pod: with the key",
            "pod: with a key",
            "pod: with the live key",
            "innocent Secret",
        ],
    ),
];

const RUNNING: &[Row] = &[
    (
        "an image swapped on a running pod",
        &["swap a running trader's image"],
    ),
    ("ephemeral containers", &["ephemeral container to a trader"]),
    ("pods/resize", &["resize a trader"]),
    ("pods/binding and bindings", &["bind a"]),
    (
        "tolerations, tier, manager or hash of a running trader",
        &["running trader"],
    ),
    (
        "the journal's volume taken away or slipped in",
        &["journal's volume", "volume under a live claim"],
    ),
    (
        "the journal deleted or owned",
        &["delete the journal", "delete all claims", "an owner"],
    ),
    ("a second claim", &["second claim"]),
];

const REFERENCES: &[Row] = &[
    (
        "Secret references of PersistentVolumes",
        &[
            "of a volume",
            "in a volume",
            "own volume",
            "volume's attributes",
        ],
    ),
    ("parameters of classes", &["in a class", "of a class"]),
    (
        "Secrets that may be missing",
        &["Secret that may be missing"],
    ),
    (
        "Secret references in templates of workloads",
        &["in a Deployment's pod", "in a Job's pod"],
    ),
    ("generateName", &["by generateName", "generated"]),
    ("attributes of drivers", &["driver's attributes"]),
    (
        "Secret references of pods, in every place of the API",
        &["name a live Secret", "name the ledger's Secret"],
    ),
];

const NODES: &[Row] = &[
    ("static and mirror pods", &["mirror pod"]),
    (
        "hostPath and privileged pods on W nodes",
        &["node's disk", "privileged pod", "choose the W node"],
    ),
    ("tolerations of every taint", &["tolerate every taint"]),
    ("tolerations of the W taint", &["the W taint"]),
    (
        "pods that ask for a W node",
        &[
            "select a W node",
            "require a W node",
            "require any tier",
            "prefer a W node",
        ],
    ),
    (
        "pods that pass for tier W",
        &["pass for tier W", "as tier W"],
    ),
    ("W nodes deleted", &["delete a W node", "delete all nodes"]),
    (
        "nodes untainted, or taken from tier W",
        &[
            "label from a W node",
            "taints from",
            "taint from",
            "without taints",
        ],
    ),
    (
        "nodes made W nodes, through status too",
        &["a W node", "of one's own"],
    ),
];

const SECRETS: &[Row] = &[
    ("replicators", &["replicat"]),
    (
        "Secrets of our types and names elsewhere",
        &["make a Secret"],
    ),
    (
        "keys of the other side",
        &["a demo key in", "a live key in"],
    ),
    ("keys that can be changed", &["can be changed"]),
    ("keys as Opaque and other types", &["of no type"]),
    (
        "Secrets under other names or with other contents",
        &["a key ", "a ledger", "credentials of a registry"],
    ),
];

/// All rows, in the order in which an attack looks for its own.
pub(crate) fn all() -> Vec<&'static Row> {
    [
        STOLEN, NAMESPACES, OPERATOR, CONTENTS, SHAPE, RUNNING, REFERENCES, NODES, SECRETS,
    ]
    .into_iter()
    .flatten()
    .collect()
}
