//! Reports of Code Insights and their annotations.

use serde_json::{Value, json};

use crate::World;

use super::{ci, get, parse, send};

#[test]
fn keeps_reports_and_annotations() {
    let mut world = World::acme();
    let head = world.head("acme/api", "feature/login");
    let path = format!("/2.0/repositories/acme/api/commit/{head}/reports/sonar-1");
    let annotations = format!("{path}/annotations");
    assert_eq!(get(&mut world, &path).status, 404);

    let report = json!({
        "title": "Sonar", "details": "2 issues", "report_type": "BUG", "result": "FAILED",
        "data": [{ "title": "Coverage", "type": "PERCENTAGE", "value": 81.5 }, { "title": "Free", "value": "text" }],
    });
    assert_eq!(send(&mut world, "PUT", &path, Some(&ci()), Some(&report)).status, 200);
    let many = |from: usize, to: usize| {
        let one = |id| json!({ "external_id": format!("a{id}"), "annotation_type": "BUG", "summary": "text", "line": 1 });
        (from..to).map(one).collect::<Value>()
    };
    let add = |world: &mut World, body: &Value| send(world, "POST", &annotations, Some(&ci()), Some(body));

    let refused = add(&mut world, &many(0, 101));
    assert_eq!(refused.status, 400);
    assert_eq!(
        parse(&refused),
        json!({ "code": 400, "message": "Bulk upload supports a maximum of /100 annotations." })
    );
    for start in (0..1000).step_by(100) {
        assert_eq!(add(&mut world, &many(start, start + 100)).status, 200);
    }
    assert_eq!(add(&mut world, &many(1000, 1001)).status, 400);
    assert_eq!(add(&mut world, &many(0, 1)).status, 200);
    for refused in [
        json!([]),
        json!([{ "external_id": "a", "summary": "" }]),
        json!([{ "external_id": "a", "summary": "x".repeat(451) }]),
        json!([{ "summary": "x" }]),
        json!([{ "external_id": "a0", "summary": "x" }, { "external_id": "a0", "summary": "x" }]),
        json!([{ "external_id": "a", "summary": "x", "severity": "BLOCKER" }]),
        json!([{ "external_id": "a", "summary": "x", "line": 0 }]),
        json!([{ "external_id": "a", "summary": "x", "path": "/src/a.rs" }]),
        json!([{ "external_id": "a", "summary": "x", "link": "http://localhost/x" }]),
        json!([{ "external_id": "a", "summary": "x", "details": "x".repeat(2001) }]),
    ] {
        assert_eq!(add(&mut world, &refused).status, 400, "{refused}");
    }

    // Writing the report again does not clear its annotations; deleting it does.
    send(&mut world, "PUT", &path, Some(&ci()), Some(&report));
    assert_eq!(parse(&get(&mut world, &annotations))["size"], 1000);
    assert_eq!(
        parse(&get(&mut world, &format!("/2.0/repositories/acme/api/commit/{head}/reports")))["size"],
        1
    );
    assert_eq!(world.reports("acme/api", &head)[0].annotations.len(), 1000);
    for _ in 0..2 {
        assert_eq!(send(&mut world, "DELETE", &path, Some(&ci()), None).status, 204);
    }
    assert_eq!(get(&mut world, &path).status, 404);
}

#[test]
fn refuses_bad_reports() {
    let mut world = World::acme();
    let head = world.head("acme/api", "feature/login");
    let path = format!("/2.0/repositories/acme/api/commit/{head}/reports/r");
    let field = json!({ "title": "t", "type": "NUMBER", "value": 1 });
    for (name, value) in [
        ("title", json!("")),
        ("details", Value::Null),
        ("details", json!("x".repeat(2001))),
        ("link", json!("http://localhost/x")),
        ("report_type", json!("LINT")),
        ("result", json!("RED")),
        ("data", json!(vec![field; 11])),
        ("data", json!([{ "title": "t", "type": "PERCENTAGE", "value": 101 }])),
        ("data", json!([{ "title": "t", "type": "LINK", "value": "https://ci.example" }])),
    ] {
        let mut report = json!({ "title": "Sonar", "details": "text" });
        report[name] = value;
        let answer = send(&mut world, "PUT", &path, Some(&ci()), Some(&report));
        assert_eq!((answer.status, &parse(&answer)["code"]), (400, &json!(400)), "{report}");
    }
}
