//! What people keep: uploads within their quota, lists, removal, and the pages by which they show it.

use crate::people::disabled;
use crate::rig::{
    self, HOLD, Rig, asset_id, at, brought, completed, draft, hash_of, job_id, lease, plain, record, share_id, showing,
    told, upload, user,
};
use studio_core::{
    id::AssetId,
    inspection::FileKind,
    job::{Actor, Event, Job},
    library::{Facts, Origin, Share},
    media::MediaType,
    ports::{Admission, Admitted, Asset, AssetFilter, Kept, NewUpload, Removed, STAYS, SentBefore, Stored, Thumbnail},
    request::Input,
};

stories![
    an_upload_is_its_owners_alone,
    a_quota_is_kept_to_the_byte,
    what_comes_inside_requests_is_in_the_same_quota,
    what_was_removed_takes_room_until_it_is_off_the_disk,
    the_same_request_again_finds_its_upload,
    lists_are_newest_first_and_by_kind_and_origin,
    what_is_removed_is_gone_and_its_job_says_so,
    what_an_unfinished_job_needs_is_not_removed,
    what_a_job_needs_must_be_there,
    a_thumbnail_is_noted_once_and_its_bytes_are_named,
    a_page_shows_its_asset_until_either_ends,
    what_is_forgotten_is_shown_no_more,
    what_somebody_shows_is_hidden_while_they_are_disabled,
    what_an_unfinished_job_needs_is_not_forgotten,
];

async fn kept(rig: &Rig, upload: NewUpload) -> Asset {
    assert_eq!(rig.store.add_upload(upload.clone()).await.unwrap(), Kept::Added);
    upload.asset
}

async fn an_upload_is_its_owners_alone(rig: Rig) {
    let mut new = upload(1, 1, 100);
    new.asset.name = Some("смотри \"здесь\".png".into());
    new.asset.facts = Facts { width: Some(3), placeholder: Some("LEHV6n".into()), ..Facts::default() };
    new.asset.thumbnail = Some(Thumbnail { hash: hash_of(90), media_type: MediaType::Jpeg, bytes: 9 });
    let asset = kept(&rig, new.clone()).await;
    assert_eq!(rig.store.add_upload(new).await.unwrap(), Kept::Added, "a run that nobody knew of");
    assert_eq!(rig.store.asset(user(1).id, asset.id).await.unwrap(), Some(asset.clone()));
    assert_eq!(rig.store.asset(user(2).id, asset.id).await.unwrap(), None);
    assert_eq!(rig.store.stored(user(1).id, at(5)).await.unwrap().used, 100, "once, without its thumbnail");
    assert_eq!(rig.store.stored(user(2).id, at(5)).await.unwrap(), Stored::default());
}

async fn a_quota_is_kept_to_the_byte(rig: Rig) {
    let of = |n, bytes| NewUpload { quota: 1_000, ..upload(n, 1, bytes) };
    kept(&rig, of(1, 600)).await;
    let over = rig.store.add_upload(of(2, 401)).await.unwrap();
    assert_eq!(over, Kept::OverQuota(Stored { used: 600, leaving: 0 }));
    kept(&rig, of(2, 400)).await;
    assert_eq!(rig.store.add_upload(of(3, 1)).await.unwrap(), Kept::OverQuota(Stored { used: 1_000, leaving: 0 }));
    kept(&rig, NewUpload { quota: 1_000, ..upload(4, 2, 1_000) }).await;
    // What jobs make is not counted, and what is removed frees its place.
    rig.accept(plain(draft(1))).await;
    rig.collecting(1).await;
    rig.moved(1, Actor::Holder(lease(1)), completed(9, 60)).await;
    assert_eq!(rig.store.remove_asset(user(1).id, asset_id(1), at(5)).await.unwrap(), Removed::Gone);
    kept(&rig, of(3, 600)).await;
    assert_eq!(rig.store.stored(user(1).id, at(5)).await.unwrap(), Stored { used: 1_000, leaving: 600 });
}

async fn what_comes_inside_requests_is_in_the_same_quota(rig: Rig) {
    let bringing = |n: u32, bytes: &[u64]| {
        let asset = |(i, bytes): (usize, &u64)| {
            let name = 10 * n + u32::try_from(i).unwrap();
            let hash = hash_of(u8::try_from(name).unwrap());
            Asset { id: asset_id(name), hash, bytes: *bytes, ..brought(1, &user(1), job_id(n)) }
        };
        let assets = bytes.iter().enumerate().map(asset).collect();
        Admission { assets, quota: 1_000, ..plain(draft(n)) }
    };
    let stored = async || rig.store.stored(user(1).id, at(50)).await.unwrap();
    kept(&rig, NewUpload { quota: 1_000, ..upload(1, 1, 300) }).await;
    rig.accept(bringing(1, &[200, 100])).await;
    assert_eq!(rig.accept(bringing(1, &[200, 100])).await.id, job_id(1), "a run that nobody knew of");
    assert_eq!(stored().await, Stored { used: 600, leaving: 0 });
    // All that it brings, together.
    let refused = rig.store.admit(Admission { claim: Some(lease(2)), ..bringing(2, &[300, 101]) }).await.unwrap();
    assert_eq!(refused, Admitted::OverQuota(Stored { used: 600, leaving: 0 }));
    assert_eq!(rig.store.job_for_work(job_id(2)).await.unwrap(), None);
    assert_eq!((rig.committed(1).await, stored().await.used), (HOLD, 600), "nothing is held or kept");
    rig.accept(bringing(2, &[300, 100])).await;
    let more = rig.store.add_upload(NewUpload { quota: 1_000, ..upload(2, 1, 1) }).await.unwrap();
    assert_eq!(more, Kept::OverQuota(Stored { used: 1_000, leaving: 0 }), "uploads see it, too");
    // Who brings nothing needs no room; what goes takes its room for a while yet.
    rig.accept(bringing(3, &[])).await;
    for n in 1..=3 {
        rig.moved(n, Actor::Person, Event::CancelRequested).await;
    }
    assert_eq!(rig.store.remove_asset(user(1).id, asset_id(10), at(40)).await.unwrap(), Removed::Gone);
    assert_eq!(stored().await, Stored { used: 800, leaving: 200 });
    assert_eq!(rig.forget(80_000, None, 9).await.jobs, 3);
    assert_eq!(stored().await, Stored { used: 300, leaving: 700 });
    let day = i64::try_from(STAYS.as_millis()).unwrap();
    assert_eq!(rig.store.stored(user(1).id, at(90_000 + day)).await.unwrap(), Stored { used: 300, leaving: 0 });
}

async fn what_was_removed_takes_room_until_it_is_off_the_disk(rig: Rig) {
    let of = |n, owner, time| {
        let mut new = NewUpload { quota: 1_000, ..upload(n, owner, 700) };
        new.asset.created_at = at(time);
        new
    };
    let remove = async |n, time| {
        assert_eq!(rig.store.remove_asset(user(1).id, asset_id(n), at(time)).await.unwrap(), Removed::Gone);
    };
    kept(&rig, of(1, 1, 10)).await;
    remove(1, 20).await;
    kept(&rig, of(2, 1, 30)).await;
    remove(2, 40).await;
    let leaving = Stored { used: 0, leaving: 1_400 };
    assert_eq!(rig.store.stored(user(1).id, at(50)).await.unwrap(), leaving);
    assert_eq!((leaving.room(1_000), rig.store.stored(user(2).id, at(50)).await.unwrap()), (600, Stored::default()));
    assert_eq!(
        rig.store.add_upload(of(3, 1, 50)).await.unwrap(),
        Kept::OverQuota(leaving),
        "both are on the disk still"
    );
    kept(&rig, of(4, 2, 50)).await;
    let day = i64::try_from(STAYS.as_millis()).unwrap();
    assert_eq!(rig.store.add_upload(of(3, 1, 19 + day)).await.unwrap(), Kept::OverQuota(leaving));
    kept(&rig, of(3, 1, 20 + day)).await;
    // What a job made and what is small was never theirs to count.
    rig.accept(plain(draft(1))).await;
    rig.collecting(1).await;
    rig.moved(1, Actor::Holder(lease(1)), completed(9, 60)).await;
    remove(9, 60).await;
    assert_eq!(rig.store.stored(user(1).id, at(41 + day)).await.unwrap(), Stored { used: 700, leaving: 0 });
}

async fn the_same_request_again_finds_its_upload(rig: Rig) {
    let named = |n, owner, sent| NewUpload { named: Some(("k".into(), hash_of(sent))), ..upload(n, owner, 10) };
    let first = kept(&rig, named(1, 1, 1)).await;
    let found = rig.store.upload_named(user(1).id, "k").await.unwrap().unwrap();
    assert_eq!(found, SentBefore { asset: first.clone(), sent: hash_of(1) });
    assert_eq!(found.clone().again(hash_of(1)), Kept::Replayed(Box::new(first.clone())));
    assert_eq!(found.again(hash_of(2)), Kept::NameReused);
    assert_eq!(rig.store.upload_named(user(1).id, "other").await.unwrap(), None);
    assert_eq!(rig.store.upload_named(user(2).id, "k").await.unwrap(), None);
    assert_eq!(rig.store.add_upload(named(2, 1, 1)).await.unwrap(), Kept::Replayed(Box::new(first.clone())));
    assert_eq!(rig.store.add_upload(named(2, 1, 2)).await.unwrap(), Kept::NameReused);
    kept(&rig, named(3, 2, 2)).await;
    rig.store.remove_asset(user(1).id, first.id, at(5)).await.unwrap();
    assert_eq!(rig.store.upload_named(user(1).id, "k").await.unwrap(), None, "its name went with it");
    kept(&rig, named(4, 1, 2)).await;
}

async fn ids(rig: &Rig, owner: u32, filter: AssetFilter) -> Vec<AssetId> {
    let assets = rig.store.assets(user(owner).id, filter).await.unwrap();
    assets.into_iter().map(|asset| asset.id).collect()
}

async fn lists_are_newest_first_and_by_kind_and_origin(rig: Rig) {
    for (n, kind) in [(1, MediaType::Png), (2, MediaType::Mp3), (3, MediaType::Gif), (4, MediaType::Zip)] {
        let mut new = upload(n, 1, 10);
        new.asset.media_type = kind;
        kept(&rig, new).await;
    }
    kept(&rig, upload(5, 2, 10)).await;
    rig.accept(Admission { assets: vec![brought(6, &user(1), job_id(1))], ..plain(draft(1)) }).await;
    rig.collecting(1).await;
    rig.moved(1, Actor::Holder(lease(1)), completed(7, 60)).await;
    let all = AssetFilter { limit: 99, ..AssetFilter::default() };
    let names = |ns: &[u32]| ns.iter().map(|n| asset_id(*n)).collect::<Vec<_>>();
    assert_eq!(ids(&rig, 1, all.clone()).await, names(&[7, 6, 4, 3, 2, 1]));
    let two = AssetFilter { limit: 2, before: Some(asset_id(6)), ..all.clone() };
    assert_eq!(ids(&rig, 1, two).await, names(&[4, 3]));
    for (kind, found) in [(FileKind::Image, &[7, 6, 3, 1][..]), (FileKind::Dataset, &[4]), (FileKind::Video, &[])] {
        assert_eq!(ids(&rig, 1, AssetFilter { kind: Some(kind), ..all.clone() }).await, names(found));
    }
    for (origin, found) in [(Origin::Uploaded, &[4, 3, 2, 1][..]), (Origin::Sent, &[6]), (Origin::Made, &[7])] {
        assert_eq!(ids(&rig, 1, AssetFilter { origin: Some(origin), ..all.clone() }).await, names(found));
    }
}

async fn what_is_removed_is_gone_and_its_job_says_so(rig: Rig) {
    rig.accept(plain(draft(1))).await;
    rig.collecting(1).await;
    let (over, _) = rig.moved(1, Actor::Holder(lease(1)), completed(1, 60)).await;
    let made = rig.store.asset(user(1).id, asset_id(1)).await.unwrap().unwrap();
    let remove = async |owner: u32, n| rig.store.remove_asset(user(owner).id, asset_id(n), at(5_000)).await.unwrap();
    assert_eq!(remove(2, 1).await, Removed::Absent, "another's is not there");
    assert_eq!(remove(1, 1).await, Removed::Gone);
    assert_eq!(remove(1, 1).await, Removed::Absent);
    let job = rig.store.job(user(1).id, job_id(1)).await.unwrap().unwrap();
    assert_eq!(job, Job { removed: vec![asset_id(1)], version: over.version + 1, ..over });
    assert_eq!(ids(&rig, 1, AssetFilter { limit: 9, ..AssetFilter::default() }).await, []);
    assert_eq!(rig.store.unnamed(vec![made.hash], at(4_999)).await.unwrap(), [], "a backup may be copying it");
    assert_eq!(rig.store.unnamed(vec![made.hash], at(5_000)).await.unwrap(), [made.hash]);
}

async fn what_an_unfinished_job_needs_is_not_removed(rig: Rig) {
    let asset = kept(&rig, upload(1, 1, 10)).await;
    let remove = async || rig.store.remove_asset(user(1).id, asset.id, at(5_000)).await.unwrap();
    rig.accept(plain(showing(1, &asset))).await;
    assert_eq!(remove().await, Removed::InUse(job_id(1)), "it waits");
    rig.claim(1).await;
    assert_eq!(remove().await, Removed::InUse(job_id(1)), "it is at work");
    // Two that need it hold it, until both are over.
    for n in [2, 3] {
        rig.accept(plain(showing(n, &asset))).await;
    }
    rig.moved(1, Actor::Holder(lease(1)), told(60)).await;
    rig.moved(2, Actor::Person, Event::CancelRequested).await;
    assert_eq!(remove().await, Removed::InUse(job_id(3)), "the others are over");
    rig.moved(3, Actor::Person, Event::CancelRequested).await;
    assert_eq!(remove().await, Removed::Gone, "all are over");
}

async fn what_a_job_needs_must_be_there(rig: Rig) {
    let gone = upload(1, 1, 10).asset;
    let named = |n, asset: &Asset| Admission {
        idempotency: Some(record(&user(1), "k", 1)),
        claim: Some(lease(n)),
        ..plain(showing(n, asset))
    };
    let refused = async |admission: Admission, why: &str| {
        let (job, held) = (admission.job.id, rig.committed(1).await);
        let Input::Chat(request) = &admission.job.input else { panic!("it shows something") };
        let names = request.messages[0].pictures().next().unwrap().asset;
        assert_eq!(rig.store.admit(admission).await.unwrap(), Admitted::InputGone(names), "{why}");
        assert_eq!(rig.store.job_for_work(job).await.unwrap(), None, "{why}");
        assert_eq!(rig.store.replay(&record(&user(1), "k", 1)).await.unwrap(), None, "{why}: not remembered");
        assert_eq!(rig.committed(1).await, held, "{why}: nothing is held");
    };
    refused(named(1, &gone), "it never was").await;
    refused(named(1, &kept(&rig, upload(2, 2, 10)).await), "it is another's").await;
    let mut theirs = named(1, &gone);
    theirs.assets = vec![Asset { owner: user(2).id, ..brought(1, &user(2), job_id(1)) }];
    refused(theirs, "what comes along is another's").await;
    // It may come along; and what is there may be there twice.
    let along = brought(3, &user(1), job_id(1));
    let mut twice = Admission { assets: vec![along.clone()], ..plain(showing(1, &along)) };
    let Input::Chat(request) = &mut twice.job.input else { panic!("it shows something") };
    request.messages.push(request.messages[0].clone());
    rig.accept(twice.clone()).await;
    assert_eq!(rig.accept(twice).await.id, job_id(1), "a run that nobody knew of");
    rig.moved(1, Actor::Person, Event::CancelRequested).await;
    // Done again while it is there, and when it is there no more.
    let again = |n| Admission { job: Job { retry_of: Some(job_id(1)), ..showing(n, &along) }, ..named(n, &along) };
    assert_eq!(rig.store.remove_asset(user(1).id, along.id, at(5)).await.unwrap(), Removed::Gone);
    refused(again(2), "it was removed").await;
    let other = kept(&rig, upload(4, 1, 10)).await;
    rig.accept(named(2, &other)).await;
}

async fn a_thumbnail_is_noted_once_and_its_bytes_are_named(rig: Rig) {
    let asset = kept(&rig, upload(1, 1, 10)).await;
    let thumbnail = |n| Thumbnail { hash: hash_of(n), media_type: MediaType::Jpeg, bytes: u64::from(n) };
    let facts = Facts { width: Some(7), ..Facts::default() };
    assert!(rig.store.keep_thumbnail(asset.id, thumbnail(90), facts.clone()).await.unwrap());
    assert!(rig.store.keep_thumbnail(asset.id, thumbnail(91), Facts::default()).await.unwrap());
    assert!(!rig.store.keep_thumbnail(asset_id(9), thumbnail(90), facts.clone()).await.unwrap());
    let shown = rig.store.asset(user(1).id, asset.id).await.unwrap().unwrap();
    assert_eq!(shown, Asset { thumbnail: Some(thumbnail(90)), facts, ..asset.clone() });
    let both = vec![hash_of(90), hash_of(91)];
    assert_eq!(rig.store.unnamed(both.clone(), at(9_000)).await.unwrap(), [hash_of(91)]);
    rig.store.remove_asset(user(1).id, asset.id, at(5_000)).await.unwrap();
    assert_eq!(rig.store.unnamed(both.clone(), at(4_000)).await.unwrap(), [hash_of(91)]);
    assert_eq!(rig.store.unnamed(both.clone(), at(5_000)).await.unwrap(), both);
}

fn page(n: u32, owner: u32, asset: AssetId) -> Share {
    Share { asset, ..rig::page(n, owner) }
}

async fn a_page_shows_its_asset_until_either_ends(rig: Rig) {
    let asset = kept(&rig, upload(1, 1, 10)).await;
    for n in 1..=3 {
        assert!(rig.store.share(page(n, 1, asset.id)).await.unwrap());
    }
    assert!(rig.store.share(page(3, 1, asset.id)).await.unwrap(), "a run that nobody knew of");
    assert!(!rig.store.share(page(4, 2, asset.id)).await.unwrap(), "another's is not theirs to show");
    assert!(!rig.store.share(page(4, 1, asset_id(9))).await.unwrap());
    assert_eq!(rig.store.shared("slug1").await.unwrap(), Some((page(1, 1, asset.id), asset.clone())));
    assert_eq!(rig.store.shared("slug9").await.unwrap(), None);
    let shares = rig.store.shares(user(1).id, None, 2).await.unwrap();
    assert_eq!(shares, [page(3, 1, asset.id), page(2, 1, asset.id)]);
    let rest = rig.store.shares(user(1).id, Some(share_id(2)), 2).await.unwrap();
    assert_eq!(rest, [page(1, 1, asset.id)]);
    assert_eq!(rig.store.shares(user(2).id, None, 2).await.unwrap(), []);
    assert!(!rig.store.unshare(user(2).id, "slug2").await.unwrap());
    assert!(rig.store.unshare(user(1).id, "slug2").await.unwrap());
    assert!(!rig.store.unshare(user(1).id, "slug2").await.unwrap());
    assert_eq!(rig.store.shared("slug2").await.unwrap(), None);
    rig.store.remove_asset(user(1).id, asset.id, at(5)).await.unwrap();
    assert_eq!(rig.store.shared("slug1").await.unwrap(), None);
    assert_eq!(rig.store.shares(user(1).id, None, 2).await.unwrap(), []);
}

async fn what_is_forgotten_is_shown_no_more(rig: Rig) {
    rig.accept(plain(draft(1))).await;
    rig.collecting(1).await;
    rig.moved(1, Actor::Holder(lease(1)), completed(1, 60)).await;
    assert!(rig.store.share(page(1, 1, asset_id(1))).await.unwrap());
    let uploaded = kept(&rig, upload(2, 1, 10)).await;
    rig.forget(80_000, None, 9).await;
    assert_eq!(rig.store.shared("slug1").await.unwrap(), None);
    assert!(rig.store.asset(user(1).id, uploaded.id).await.unwrap().is_some(), "what no job made stays");
}

async fn what_somebody_shows_is_hidden_while_they_are_disabled(rig: Rig) {
    let asset = kept(&rig, upload(1, 2, 10)).await;
    assert!(rig.store.share(page(1, 2, asset.id)).await.unwrap());
    rig.change(3, user(2).id, disabled(true), None).await;
    assert_eq!(rig.store.shared("slug1").await.unwrap(), None);
    rig.change(4, user(2).id, disabled(false), None).await;
    assert_eq!(rig.store.shared("slug1").await.unwrap(), Some((page(1, 2, asset.id), asset)));
}

async fn what_an_unfinished_job_needs_is_not_forgotten(rig: Rig) {
    rig.accept(plain(draft(1))).await;
    rig.collecting(1).await;
    rig.moved(1, Actor::Holder(lease(1)), completed(1, 60)).await;
    let made = rig.store.asset(user(1).id, asset_id(1)).await.unwrap().unwrap();
    rig.accept(plain(showing(2, &made))).await;
    let forget = async || rig.forget(80_000, None, 9).await.jobs;
    assert_eq!(forget().await, 0, "another waits for what it made");
    assert_eq!(rig.store.asset(user(1).id, made.id).await.unwrap(), Some(made.clone()));
    rig.moved(2, Actor::Person, Event::CancelRequested).await;
    assert_eq!(forget().await, 2);
    assert_eq!(rig.store.asset(user(1).id, made.id).await.unwrap(), None);
}
