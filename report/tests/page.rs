//! The page in a real browser: no errors, nothing loaded, points that lead to their trials, readable
//! on a telephone and on paper.

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use common::browser::Browser;
use common::{data, write_sweep};
use report::{Images, Pictures, html, read};
use serde_json::Value;
use tempfile::TempDir;

/// Writes a sweep and its report, with images.
fn sweep_page(folder: &Path) -> PathBuf {
    let sweep = folder.join("phantom-sweep");
    write_sweep(&sweep);
    let mut report = read(&sweep).expect("a sweep");
    let source = report.data.clone().expect("a sweep knows its data");
    assert_eq!((source.data.clone(), source.split.clone()), data());
    let samples = datasets::load(&source.data, &source.split).expect("loads").test;
    let truth: Vec<_> = samples.iter().map(|sample| sample.mask.clone()).collect();
    let mut pictures = Pictures::default();
    for trial in &mut report.trials {
        let (samples, float, evaluate) = (&samples, Some(truth.as_slice()), &source.evaluate);
        let images = Images { samples, float, evaluate, side: "test", n_shown: 3 };
        let note = trial.examine(&images, &mut pictures).expect("fits");
        // the results are invented, so the simulation must disagree and say so
        let note = note.expect("a note");
        assert!(note.starts_with(&format!("{}: result.json tells", trial.name)), "{note}");
    }
    let path = folder.join("report.html");
    std::fs::write(&path, html(&report, &pictures).expect("a page")).expect("written");
    path
}

/// Nothing is wrong in the page, and it asked for no other address.
fn check_quiet(browser: &Browser, page: &Path) {
    let own = format!("file://{}", page.display());
    for event in &browser.events {
        let method = event["method"].as_str().unwrap_or_default();
        let is_wrong = ["Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled"];
        assert!(!is_wrong.contains(&method), "{event}");
        if method == "Network.requestWillBeSent" {
            let url = event["params"]["request"]["url"].as_str().unwrap_or_default();
            assert!(url == own || url.starts_with("data:"), "the page asks for {url}");
        }
    }
}

fn texts(value: &Value) -> BTreeSet<String> {
    let list = value.as_array().expect("a list").iter();
    list.map(|item| item.as_str().expect("a text").to_owned()).collect()
}

#[test]
fn points_lead_to_trials_and_nothing_is_loaded() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = TempDir::new().expect("folder");
    let page = sweep_page(folder.path());
    for (width, plot) in [(1280, "wide"), (390, "narrow")] {
        browser.open(&page, width);
        check_quiet(&browser, &page);
        let links = format!(
            "[...document.querySelectorAll('.plots figure:first-child .{plot} a')]
             .map(a => a.getAttribute('href'))"
        );
        let links = texts(&browser.evaluate(&links));
        let sections = "[...document.querySelectorAll('section.trial[id]')].map(s => '#' + s.id)";
        assert_eq!(links, texts(&browser.evaluate(sections)), "each trial has its point");
        assert_eq!(links.len(), 12);
        for link in &links {
            browser.evaluate("history.replaceState(null, '', '#top')");
            browser.click(&format!("figure:first-child .{plot} a[href='{link}'] .mark path"));
            let hash = browser.evaluate("location.hash");
            assert_eq!(hash, link.as_str(), "a click at width {width}");
            let top = format!("document.querySelector('{link}').getBoundingClientRect().top");
            let top = browser.evaluate(&top).as_f64().expect("a number");
            assert!((-1.0..900.0).contains(&top), "{link} is shown, at {top}");
        }
        let overflow =
            "document.documentElement.scrollWidth - document.documentElement.clientWidth";
        assert_eq!(browser.evaluate(overflow), 0, "nothing is cut at width {width}");
        let hidden = "[...document.querySelectorAll('.plot')].filter(p => p.clientWidth > 0
                      && p.matches('.wide, .narrow')).map(p => p.classList[1])";
        assert_eq!(texts(&browser.evaluate(hidden)), [plot.to_owned()].into());
    }
    let pdf = browser.pdf();
    assert!(pdf.starts_with(b"%PDF-") && pdf.len() > 50_000, "{} bytes", pdf.len());
}

#[test]
fn pictures_are_drawn() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = TempDir::new().expect("folder");
    let page = sweep_page(folder.path());
    browser.open(&page, 1280);
    let dead = "[...document.querySelectorAll('use')].map(u => u.getAttribute('href'))
                .filter(h => !document.querySelector(h))";
    assert_eq!(texts(&browser.evaluate(dead)), BTreeSet::new());
    let n_panels = browser.evaluate("document.querySelectorAll('.panel svg').length");
    assert_eq!(n_panels, 12 * 3 * 4);
    // the truth's panel has the green of what is right, which no text or line of the page has
    browser.evaluate(
        "document.documentElement.style.scrollBehavior = 'auto';
         document.querySelector('.panels').scrollIntoView({ block: 'center' })",
    );
    let place = browser.evaluate(
        "(() => { const r = document.querySelectorAll('.panel svg')[1].getBoundingClientRect();
         return [r.x, r.y, r.width, r.height]; })()",
    );
    let at = |index: usize| place[index].as_f64().expect("a number") as u32;
    let shown = image::load_from_memory(&browser.screenshot(false)).expect("a PNG").to_rgb8();
    let inside = image::imageops::crop_imm(&shown, at(0), at(1), at(2), at(3)).to_image();
    let is_green = |p: &image::Rgb<u8>| {
        let [r, g, b] = p.0.map(i32::from);
        g > r + 40 && g > b + 15
    };
    let n_green = inside.pixels().filter(|p| is_green(p)).count();
    let share = n_green as f64 / f64::from(at(2) * at(3));
    assert!((0.01..0.6).contains(&share), "{share} of the truth's panel is green");
}

#[test]
fn names_are_shown_as_text() {
    let folder = TempDir::new().expect("folder");
    let sweep = folder.path().join("phantom-sweep");
    write_sweep(&sweep);
    let path = sweep.join("scaled-w8a8-s1/result.json");
    let text = std::fs::read_to_string(&path).expect("reads");
    let text = text.replace("\"scaled-w8a8-s1\"", "\"<script>alert(1)</script>\"");
    std::fs::write(&path, text).expect("writes");
    let page = html(&read(&sweep).expect("a sweep"), &Pictures::default()).expect("a page");
    assert!(!page.contains("<script"), "no script, not even by name");
    assert!(page.contains("alert(1)"));
}
