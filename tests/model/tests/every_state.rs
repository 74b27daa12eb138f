//! The model, every state of it; each rule left out once; and the page that shows it.

use std::{fs, path::PathBuf, sync::LazyLock};

use triptych_model::{
    check,
    page::{self, Checks},
    scopes,
};

static RESULTS: LazyLock<Vec<Checks>> = LazyLock::new(page::check_all);

#[test]
fn m1_m2_s1_u1_hold_in_every_state_and_everything_that_should_be_possible_is() {
    println!("{}", page::table(&RESULTS));
    for Checks { scope, checked, .. } in &*RESULTS {
        let name = scope.name;
        assert_eq!(checked.violated, [], "{name}");
        assert_eq!(checked.impossible, Vec::<&str>::new(), "{name}");
    }
}

#[test]
fn l1_from_every_state_everything_comes_to_the_right_end() {
    for Checks {
        scope, convergence, ..
    } in &*RESULTS
    {
        assert!(convergence.is_ok(), "{}: {convergence:?}", scope.name);
    }
}

#[test]
fn each_rule_that_is_left_out_breaks_its_property() {
    for (rule, scope, property) in scopes::omissions() {
        let found = check::without(rule, &scope);
        let way = found.violated.iter().find(|(name, _)| *name == property);
        let way = way.map(|(_, way)| way);
        println!("without {rule:?}, '{property}' breaks: {way:?}");
        assert!(way.is_some(), "{rule:?}: {:?}", found.violated);
    }
}

#[test]
fn the_page_on_the_mirror_shows_what_the_model_is() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/mirror.md");
    let page = fs::read_to_string(path).expect("docs/mirror.md can be read");
    let renewed = page::renewed(&page, &RESULTS).expect("its markers are there");
    assert!(page == renewed, "run `make generate`");
}
