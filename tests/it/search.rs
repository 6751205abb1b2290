//! Articles found by their words, on both databases.

use visnyk::article::ArticleId;
use visnyk::article::clean::clean;
use visnyk::article::query::Query;
use visnyk::source::Draft;
use visnyk::source::Source;
use visnyk::store;

use crate::support::app::TestApp;
use crate::support::app::draft;
use crate::support::database::TestDb;
use crate::support::database::on_both;

on_both! {
    an_article_is_found_by_any_form_of_its_words,
    the_title_counts_for_more_than_the_text,
    what_is_changed_withdrawn_or_put_back_is_found_accordingly,
    whatever_is_typed_is_only_looked_for,
}

async fn take_in(app: &TestApp, source: &Source, guid: &str, title: &str, text: &str) {
    let draft = Draft {
        guid: Some(guid.to_owned()),
        title: title.to_owned(),
        summary: String::new(),
        text: text.to_owned(),
        html: clean(&format!("<p>{text}</p>"), None),
        ..draft(guid, &[])
    };
    app.take_in(source, vec![draft]).await;
}

async fn found(app: &TestApp, typed: &str) -> Vec<String> {
    let Some(query) = Query::parse(typed) else {
        return Vec::new();
    };
    let mut tx = app.db.read().await.unwrap();
    let (articles, count) = store::search::best(&mut tx, &query, 0, 20).await.unwrap();
    assert_eq!(usize::try_from(count).unwrap(), articles.len(), "{typed}");
    articles.into_iter().map(|article| article.title).collect()
}

async fn an_article_is_found_by_any_form_of_its_words(database: TestDb) {
    let app = TestApp::over(database, []).await;
    let source = app.source().await;
    let text = "Військово-цивільна адміністрація повідомила: п’ять шкіл (див. poltava.ua/shkoly).";
    take_in(&app, &source, "1", "На Полтавщині відкрили офіс", text).await;
    let typed = [
        "Полтавщина",
        "ПОЛТАВЩИНОЮ",
        "відкрили офіс",
        "офіси",
        "цивільної",
        "п\'ять",
        "пʼять шкіл",
        "адміністраці",
        "shkoly",
    ];
    for typed in typed {
        assert_eq!(found(&app, typed).await.len(), 1, "{typed}");
    }
    for typed in ["Харків", "офіс Харків", "", "щина"] {
        assert_eq!(found(&app, typed).await.len(), 0, "{typed}");
    }
}

async fn the_title_counts_for_more_than_the_text(database: TestDb) {
    let app = TestApp::over(database, []).await;
    let source = app.source().await;
    take_in(&app, &source, "1", "Бюджет області", "Ухвалили вчора.").await;
    take_in(
        &app,
        &source,
        "2",
        "Що ще сталося",
        "Говорили про бюджет і дороги.",
    )
    .await;
    let titles = found(&app, "бюджет").await;
    assert_eq!(titles, ["Бюджет області", "Що ще сталося"]);
}

async fn what_is_changed_withdrawn_or_put_back_is_found_accordingly(database: TestDb) {
    let app = TestApp::over(database, []).await;
    let source = app.source().await;
    take_in(&app, &source, "1", "Відкрили міст", "Через річку.").await;
    take_in(&app, &source, "1", "Відкрили тунель", "Під річкою.").await;
    assert_eq!(found(&app, "міст").await.len(), 0);
    assert_eq!(found(&app, "тунель").await.len(), 1);
    app.withdraw(ArticleId(1)).await;
    assert_eq!(found(&app, "тунель").await.len(), 0);
    let mut tx = app.db.begin().await.unwrap();
    let restored = store::article::set_withdrawn(&mut tx, ArticleId(1), false, app.now()).await;
    assert!(restored.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(found(&app, "тунель").await.len(), 1);
    app.sql("DELETE FROM article WHERE id = 1").await;
    assert_eq!(found(&app, "тунель").await.len(), 0);
}

async fn whatever_is_typed_is_only_looked_for(database: TestDb) {
    let app = TestApp::over(database, []).await;
    let source = app.source().await;
    take_in(&app, &source, "1", "Відкрили міст", "Через річку.").await;
    let typed = [
        "\"міст",
        "міст*",
        "\'; DROP TABLE article; --",
        "міст OR річка",
        "NEAR(міст річка)",
        "title:міст",
        "міст & !річка | ()",
        "^міст",
        "²½ ⅷ ⓐ 𝔸 한국어 ไทย",
        "\u{301}",
        "міст\u{0}річка",
        "-міст",
        "{text} : міст",
    ];
    for typed in typed {
        found(&app, typed).await;
    }
    assert_eq!(found(&app, "\"міст* (річка)").await.len(), 1);
}
