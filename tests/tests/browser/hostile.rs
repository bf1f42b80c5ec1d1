//! Names and texts that would like to be more than text.

use anyhow::{Result, ensure};

use crate::scene::Scene;

#[tokio::test]
async fn no_text_is_ever_more_than_text() -> Result<()> {
    let scene = Scene::begin().await?;
    let (alice, bob) = scene.friends().await?;
    let zalgo = format!("Z{}", "\u{301}\u{336}\u{489}".repeat(400));
    let wide = "W".repeat(300);
    let texts = [
        "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>",
        "\u{202e}evil\u{202c} \u{2066}\u{2067} https://example.org/\u{202e}gpj.exe",
        "javascript:alert(1) data:text/html,x",
        "http://\u{430}pple.com/ and www.example.org.",
        "\u{0}\u{7}\u{1b}[31m\u{2028}\u{feff}\u{e0041}",
        zalgo.as_str(),
        wide.as_str(),
    ];
    for text in texts {
        bob.says(&text.replace('\u{0}', "")).await?;
    }

    alice.window.until("document.querySelectorAll('.bubble.theirs').length === 7", vec![]).await?;
    ensure!(alice.window.count(".bubble img, .bubble script, .bubble a").await? == 0);
    let title = alice.window.evaluates("document.title", vec![]).await?;

    ensure!(title.as_str().is_some_and(|title| title.ends_with("Chive")), "{title}");
    let shown = alice
        .window
        .evaluates(
            "[...document.querySelectorAll('.text, .last')].map(e => e.textContent).join('')",
            vec![],
        )
        .await?;
    let shown = shown.as_str().unwrap_or_default();
    ensure!(!shown.contains('\u{202e}') && shown.contains("<U+202E>"), "an override acts");
    ensure!(!shown.contains(&"\u{301}\u{336}\u{489}".repeat(4)), "a flood of marks");

    // Nothing is wider than the window, or reaches over its neighbours.
    let fits = "document.documentElement.scrollWidth <= innerWidth && \
               [...document.querySelectorAll('.bubble')].every(e => \
        { const box = e.getBoundingClientRect(), rows = \
        document.querySelector('.rows').getBoundingClientRect(); \
        return box.left >= rows.left && box.right <= rows.right && \
        getComputedStyle(e).contain.includes('paint'); })";
    ensure!(alice.window.evaluates(fits, vec![]).await? == true);

    // A link is text until it is clicked, and then warns, with the true name of the site.
    let click = "(() => { const link = [...document.querySelectorAll('.link')].find(e => \
                e.textContent.includes('pple.com')); link?.click(); return !!link; })()";
    alice.window.until(click, vec![]).await?;
    alice.window.sees("dialog strong", "xn--pple-43d.com").await?;
    alice.window.sees("dialog .wrong", "look like others").await?;
    alice.closes().await?;

    // A time that no calendar has is none.
    let never = "(() => { const ask = window.fetch; window.fetch = async (path, init) => { const \
                answer = await ask(path, init); \
        if (init.method !== 'GET') return answer; const said = await answer.text(); \
        return new \
        Response(said.replace(/\"(created_at|delivered_at|disappears_at|since)\":\\d+/g, \
        '\"$1\":9e15')); }; return true; })()";
    alice.window.evaluates(never, vec![]).await?;
    alice.opens("Bob").await?;
    alice.window.sees(".bubble time", "–").await?;

    alice.kept_to_itself().await
}

/// Tells of one event more, once, after the page has begun.
const SOMEBODY_ELSE: &str =
    "(() => { const ask = window.fetch; window.fetch = async (path, init) => {
    const isStream = init?.headers?.accept === 'text/event-stream';
    if (!isStream || sessionStorage.told) return ask(path, init);
    sessionStorage.told = 'yes';
    const [{ id }] = await (await ask('/v1/contacts', { headers: init.headers })).json();
    const event = { type: 'key_changed', id, seq: Number(path.split('=')[1]) + 1 };
    return new Response(`data: ${JSON.stringify(event)}\n\n`);
}; })();";

#[tokio::test]
async fn a_key_alarm_stays_until_closed() -> Result<()> {
    let scene = Scene::begin().await?;
    let (alice, _bob) = scene.friends().await?;
    let kept = "performance.getEntriesByType('resource').some(e => \
                e.name.includes('/preferences/ui.alarm.'))";
    alice.window.begins_with(SOMEBODY_ELSE).await?;
    for _ in 0..2 {
        alice.window.opens(alice.host.address()).await?;
        alice.window.until("document.querySelector('.who .alarmed')", vec![]).await?;
        alice.window.until(&format!("sessionStorage.seen || {kept}"), vec![]).await?;
        alice.window.evaluates("sessionStorage.seen = 'yes'", vec![]).await?;
    }

    alice.opens("Bob").await?;
    alice.window.clicks(".alarm.bad button").await?;
    alice.window.sees_no(".alarm, .alarmed").await?;
    alice.window.until(kept, vec![]).await?;
    alice.window.opens(alice.host.address()).await?;
    alice.opens("Bob").await?;
    ensure!(alice.window.count(".alarm, .alarmed").await? == 0);

    Ok(())
}

#[tokio::test]
async fn a_name_is_text_and_cannot_pose() -> Result<()> {
    let scene = Scene::begin().await?;
    let alice = scene.person("Alice").await?;
    let eve = scene.newcomer("<b>Eve</b> אב", &chive_tests::browser::Look::default()).await?;
    eve.begins().await?;
    eve.closes().await?;
    eve.adds(&alice.invites().await?).await?;
    alice.opens("<b>Eve</b> אב").await?;
    ensure!(alice.window.count(".who b, .conversation h1 b").await? == 0);
    let isolated = "[...document.querySelectorAll('.name')].every(e => \
                   getComputedStyle(e).unicodeBidi === 'isolate' && e.tagName === 'BDI')";
    ensure!(alice.window.evaluates(isolated, vec![]).await? == true);

    // Names that act are refused where they are typed.
    alice.clicks("person").await?;
    alice.fills("person-name", "Bob\u{202e}").await?;
    alice.clicks("rename").await?;

    alice.window.sees("dialog .wrong", alice.words.say("error-invalid-name")?).await
}
