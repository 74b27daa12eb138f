use proptest::prelude::*;

use super::*;
use AccountSide::{Demo, Live};

fn rest(url: &str) -> EndpointUrls<'_> {
    EndpointUrls {
        rest: Some(url),
        ..EndpointUrls::default()
    }
}

fn all<'a>(rest: &'a str, market_streams: &'a str, user_streams: &'a str) -> EndpointUrls<'a> {
    EndpointUrls {
        rest: Some(rest),
        market_streams: Some(market_streams),
        user_streams: Some(user_streams),
    }
}

fn shown(endpoints: &TradingEndpoints) -> [String; 3] {
    [
        endpoints.rest(),
        endpoints.market_streams(),
        endpoints.user_streams(),
    ]
    .map(ToString::to_string)
}

#[test]
fn without_urls_a_side_is_reached_at_the_venues_own_hosts_of_that_side() {
    for (side, expected) in [
        (
            Live,
            [
                "https://api.binance.com:443",
                "wss://stream.binance.com:443",
                "wss://ws-api.binance.com:443",
            ],
        ),
        (
            Demo,
            [
                "https://demo-api.binance.com:443",
                "wss://demo-stream.binance.com:443",
                "wss://demo-ws-api.binance.com:443",
            ],
        ),
    ] {
        let endpoints = TradingEndpoints::new(side, false, EndpointUrls::default()).unwrap();
        assert_eq!(shown(&endpoints), expected);
        assert!(!endpoints.is_simulated());
    }
}

#[test]
fn what_the_account_leaves_out_is_of_the_environment_of_what_it_names() {
    let endpoints =
        TradingEndpoints::new(Demo, false, rest("https://TESTNET.binance.vision/")).unwrap();
    assert_eq!(
        shown(&endpoints),
        [
            "https://testnet.binance.vision:443",
            "wss://stream.testnet.binance.vision:443",
            "wss://ws-api.testnet.binance.vision:443",
        ]
    );
    let other = rest("https://api4.binance.com");
    let endpoints = TradingEndpoints::new(Live, false, other).unwrap();
    assert_eq!(shown(&endpoints)[0], "https://api4.binance.com:443");
}

/// Attempts to reach what the side of the account must not reach.
#[test]
fn no_url_leads_a_side_of_an_account_to_another_venue() {
    for (side, url, reason) in [
        (Demo, "https://api.binance.com", "live host"),
        (Demo, "https://API.Binance.Com", "live host"),
        (Demo, "https://api-gcp.binance.com", "live host"),
        (Demo, "https://api1.binance.com:443", "live host"),
        (Live, "https://demo-api.binance.com", "demo host"),
        (Live, "https://testnet.binance.vision", "demo host"),
        (Live, "https://api1.testnet.binance.vision", "demo host"),
        (Demo, "https://api.binance.com.", "point"),
        (Demo, "https://demo-api.binance.com@api.binance.com", "'@'"),
        (Demo, "https://user:pw@demo-api.binance.com", "'@'"),
        (Demo, "https://demo-api.binance.com:8443", "port"),
        (Demo, "https://demo-api.binance.com:0443", "no port"),
        (Demo, "https://demo-api.binance.com:99999", "no port"),
        (Demo, "https://demo-api.binance.com:", "no port"),
        (Demo, "https://demo-api.binance.com/api", "'/'"),
        (Demo, "https://demo-api.binance.com//", "'/'"),
        (Demo, "https://demo-api.binance.com?x=1", "'?'"),
        (Demo, "https://demo-api.binance.com#x", "'#'"),
        (
            Demo,
            "https://demo-api.binance.com\\@api.binance.com",
            "'\\\\'",
        ),
        (Demo, "https://demo-api.binance.com%2eexample", "'%'"),
        (Demo, "https://demo-api.binance.com\r\nHost: x", "'\\r'"),
        (Demo, "http://demo-api.binance.com", "not encrypted"),
        (Live, "http://api.binance.com", "not encrypted"),
        (Live, "wss://api.binance.com", "neither http nor https"),
        (Live, "//api.binance.com", "no scheme"),
        (Live, "api.binance.com", "no scheme"),
        (Live, "", "no scheme"),
        (Live, "https://", "no host"),
        (Live, "https://stream.binance.com", "no such host"),
        (Live, "https://data-api.binance.vision", "no such host"),
        (Live, "https://x.api.binance.com", "no such host"),
        (Live, "https://binance.com", "no such host"),
        (Live, "https://xn--bnance-q9a.com", "punycode"),
        (Live, "https://b\u{131}nance.com", "belongs into no host"),
        (Live, "https://api.binance.com.example", "not the venue's"),
        (Live, "https://apibinance.com", "not the venue's"),
        (Live, "https://venue-sim:9001", "not the venue's"),
        (Live, "https://127.0.0.1", "not the venue's"),
        (Live, "https://[::1]", "not the venue's"),
        (Live, "http://127.0.0.1:9001", "not the venue's"),
    ] {
        let error = TradingEndpoints::new(side, false, rest(url)).unwrap_err();
        assert!(error.reason.contains(reason), "{side} {url}: {error}");
        assert_eq!(error.field, "endpoints.rest");
        assert!(error.expected.contains("simulated"), "{error}");
    }
}

#[test]
fn a_simulated_account_reaches_no_venue() {
    for (url, reason) in [
        ("https://api.binance.com", "a venue's"),
        ("https://demo-api.binance.com", "a venue's"),
        ("https://testnet.binance.vision", "a venue's"),
        ("http://api.binance.com:9001", "a venue's"),
        ("https://anything.below.binance.com", "a venue's"),
        ("https://api.bybit.com", "a venue's"),
        ("https://API.BINANCE.COM", "a venue's"),
        ("https://api.binance.com.", "point"),
        ("https://x@api.binance.com", "'@'"),
        ("https://venue-sim@api.binance.com", "'@'"),
        ("https://venue-sim/..//api.binance.com", "'/'"),
        ("https://xn--bnance-q9a.com", "punycode"),
        ("https://13.225.1.1", "public address"),
        ("https://[2600:9000::1]", "public address"),
        ("https://[::ffff:13.225.1.1]", "public address"),
        ("https://0x0d.225.1.1", "public address"),
        ("https://13.57737", "four parts"),
        ("https://232849665", "four parts"),
        ("https://0xde10101", "four parts"),
        ("https://[::1", "bracket"),
        ("https://[::1]x", "bracket"),
        ("https://-venue", "no part of a host name"),
        ("https://venue..sim", "no part of a host name"),
    ] {
        for side in [Live, Demo] {
            let urls = all(url, "ws://venue-sim:9001", "ws://venue-sim:9001");
            let Err(error) = TradingEndpoints::new(side, true, urls) else {
                panic!("{url} is accepted");
            };
            let refused = error.reason.contains(reason) || error.reason.contains("four parts");
            assert!(refused, "{url}: {error}");
        }
    }
}

#[test]
fn a_simulated_account_names_each_endpoint() {
    for urls in [
        EndpointUrls::default(),
        rest("http://venue-sim:9001"),
        EndpointUrls {
            user_streams: None,
            ..all("http://venue-sim:9001", "ws://venue-sim:9001", "")
        },
    ] {
        for side in [Live, Demo] {
            let error = TradingEndpoints::new(side, true, urls).unwrap_err();
            assert!(error.reason.contains("names each"), "{error}");
        }
    }
}

#[test]
fn a_simulated_account_is_reached_without_encryption_and_at_private_addresses_alone() {
    for host in [
        "venue-sim.trading:9002",
        "127.0.0.1:9002",
        "[::1]:9002",
        "10.1.2.3:9002",
    ] {
        let (http, ws) = (format!("http://{host}"), format!("ws://{host}"));
        let endpoints = TradingEndpoints::new(Live, true, all(&http, &ws, &ws)).unwrap();
        assert!(endpoints.is_simulated());
        assert_eq!(shown(&endpoints), [http, ws.clone(), ws]);
        for (address, expected) in [
            ("127.0.0.1", true),
            ("192.168.3.4", true),
            ("100.64.0.1", true),
            ("fd00::1", true),
            ("100.128.0.1", false),
            ("13.225.1.1", false),
            ("::ffff:13.225.1.1", false),
            ("2600:9000::1", false),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(endpoints.allows(address), expected, "{address}");
        }
    }
}

#[test]
fn no_endpoint_is_of_another_side_or_environment_than_the_others() {
    let demo = "https://demo-api.binance.com";
    for (urls, field) in [
        (
            all(
                demo,
                "wss://stream.binance.com",
                "wss://demo-ws-api.binance.com",
            ),
            "endpoints.marketStreams",
        ),
        (
            all(
                demo,
                "wss://demo-stream.binance.com:9443",
                "wss://ws-api.binance.com",
            ),
            "endpoints.userStreams",
        ),
        (
            all(
                demo,
                "wss://demo-stream.binance.com",
                "wss://ws-api.testnet.binance.vision",
            ),
            "endpoints.userStreams",
        ),
    ] {
        let error = TradingEndpoints::new(Demo, false, urls).unwrap_err();
        assert_eq!(error.field, field, "{error}");
    }
}

proptest! {
    /// Whatever is written, a live host never comes out for demo, nor a venue's for a simulated account.
    #[test]
    fn no_text_leads_astray(text in "(https?|wss?)?(://)?[a-zA-Z0-9@:/.\\\\\\[\\]%#?-]{0,12}(demo-)?(api|stream)?\\.binance\\.(com|vision)[.:/@0-9a-z-]{0,8}") {
        if let Ok(endpoints) = TradingEndpoints::new(Demo, false, rest(&text)) {
            let known = environment(endpoints.rest().host(), Purpose::Rest);
            prop_assert!(known.is_some_and(|known| known.side() == Demo));
        }
        let urls = all(&text, "ws://venue-sim", "ws://venue-sim");
        if let Ok(endpoints) = TradingEndpoints::new(Live, true, urls) {
            prop_assert!(!is_of_a_venue(endpoints.rest().host()));
        }
    }
}
