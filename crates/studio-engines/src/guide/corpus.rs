//! What the guide knows: the studio's own documentation, as it was when this binary was built.

/// One document.
#[derive(Debug)]
pub(super) struct Document {
    /// Where it stands in the repository; how answers cite it.
    pub(super) name: &'static str,
    pub(super) text: &'static str,
    /// How near it is to what people ask who use the studio. Among equal passages that decides.
    pub(super) weight: f32,
}

/// All of them. A further one needs only its row.
pub(super) const DOCUMENTS: [Document; 5] = [
    Document { name: "README.md", text: include_str!("../../../../README.md"), weight: 1.0 },
    Document { name: "docs/api.md", text: include_str!("../../../../docs/api.md"), weight: 1.1 },
    Document { name: "docs/operations.md", text: include_str!("../../../../docs/operations.md"), weight: 1.1 },
    Document { name: "CONTRIBUTING.md", text: include_str!("../../../../CONTRIBUTING.md"), weight: 0.9 },
    Document { name: "ARCHITECTURE.md", text: include_str!("../../../../ARCHITECTURE.md"), weight: 0.8 },
];
