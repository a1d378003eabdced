//! Colours: OKLab for thinking, sRGB for painting.
//!
//! Palettes and gradients are built in OKLab/OKLCH, where equal steps look equal and a blend of two hues does not pass
//! through mud. The canvas itself holds gamma-encoded sRGB as floats: cheap to blend, and quantised only once, with
//! dither, at the very end, so that long gradients show no bands.

/// A gamma-encoded sRGB colour; channels are `0.0..=1.0` when it reaches the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Rgb {
    /// Red.
    pub(crate) r: f32,
    /// Green.
    pub(crate) g: f32,
    /// Blue.
    pub(crate) b: f32,
}

impl Rgb {
    /// A colour from its channels.
    pub(crate) const fn new(r: f32, g: f32, b: f32) -> Self {
        Self { r, g, b }
    }

    /// Applies `f` to each channel.
    pub(crate) fn map(self, f: impl Fn(f32) -> f32) -> Self {
        Self { r: f(self.r), g: f(self.g), b: f(self.b) }
    }

    /// `self` at 0, `other` at 1.
    pub(crate) fn mix(self, other: Self, t: f32) -> Self {
        Self {
            r: self.r + (other.r - self.r) * t,
            g: self.g + (other.g - self.g) * t,
            b: self.b + (other.b - self.b) * t,
        }
    }

    /// Adds light without ever clipping hard: photographic "screen".
    pub(crate) fn screen(self, light: Self, amount: f32) -> Self {
        Self {
            r: self.r + (1.0 - self.r) * light.r * amount,
            g: self.g + (1.0 - self.g) * light.g * amount,
            b: self.b + (1.0 - self.b) * light.b * amount,
        }
    }

    /// Scales the brightness.
    pub(crate) fn scale(self, factor: f32) -> Self {
        self.map(|channel| channel * factor)
    }

    /// Perceived brightness, `0.0..=1.0` (of the encoded values).
    pub(crate) fn luma(self) -> f32 {
        0.299 * self.r + 0.587 * self.g + 0.114 * self.b
    }

    /// The same colour in OKLab.
    pub(crate) fn lab(self) -> Lab {
        let linear = |v: f32| {
            let v = v.clamp(0.0, 1.0);
            if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        };
        let (r, g, b) = (linear(self.r), linear(self.g), linear(self.b));
        let l = (0.412_221_46 * r + 0.536_332_55 * g + 0.051_445_995 * b).cbrt();
        let m = (0.211_903_5 * r + 0.680_699_5 * g + 0.107_396_96 * b).cbrt();
        let s = (0.088_302_46 * r + 0.281_718_85 * g + 0.629_978_7 * b).cbrt();
        Lab {
            l: 0.210_454_26 * l + 0.793_617_8 * m - 0.004_072_047 * s,
            a: 1.977_998_5 * l - 2.428_592_2 * m + 0.450_593_7 * s,
            b: 0.025_904_037 * l + 0.782_771_77 * m - 0.808_675_77 * s,
        }
    }
}

/// A colour in OKLab: lightness `0..=1`, and two opponent axes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Lab {
    /// Lightness.
    pub(crate) l: f32,
    /// Green to red.
    pub(crate) a: f32,
    /// Blue to yellow.
    pub(crate) b: f32,
}

/// A colour from lightness, chroma (0 to about 0.3) and hue in degrees.
pub(crate) fn lch(l: f32, c: f32, hue: f32) -> Lab {
    let (sin, cos) = hue.to_radians().sin_cos();
    Lab { l, a: c * cos, b: c * sin }
}

impl Lab {
    /// Distance from grey.
    pub(crate) fn chroma(self) -> f32 {
        self.a.hypot(self.b)
    }

    /// `self` at 0, `other` at 1.
    pub(crate) fn mix(self, other: Self, t: f32) -> Self {
        Self {
            l: self.l + (other.l - self.l) * t,
            a: self.a + (other.a - self.a) * t,
            b: self.b + (other.b - self.b) * t,
        }
    }

    /// The same hue and chroma, another lightness.
    pub(crate) fn with_l(self, l: f32) -> Self {
        Self { l, ..self }
    }

    /// The same hue and lightness, scaled chroma.
    pub(crate) fn saturate(self, factor: f32) -> Self {
        Self { l: self.l, a: self.a * factor, b: self.b * factor }
    }

    /// The nearest colour a screen can show: out-of-range chroma is reduced, hue and lightness are kept.
    pub(crate) fn rgb(self) -> Rgb {
        let mut colour = Self { l: self.l.clamp(0.0, 1.0), ..self };
        for _ in 0..12 {
            let rgb = colour.raw();
            let fits = |v: f32| (-0.003..=1.003).contains(&v);
            if fits(rgb.r) && fits(rgb.g) && fits(rgb.b) {
                break;
            }
            colour = colour.saturate(0.88);
        }
        colour.raw().map(|v| v.clamp(0.0, 1.0))
    }

    fn raw(self) -> Rgb {
        let l = (self.l + 0.396_337_78 * self.a + 0.215_803_76 * self.b).powi(3);
        let m = (self.l - 0.105_561_346 * self.a - 0.063_854_17 * self.b).powi(3);
        let s = (self.l - 0.089_484_18 * self.a - 1.291_485_5 * self.b).powi(3);
        let linear = Rgb {
            r: 4.076_741_7 * l - 3.307_711_6 * m + 0.230_969_94 * s,
            g: -1.268_438 * l + 2.609_757_4 * m - 0.341_319_4 * s,
            b: -0.004_196_086 * l - 0.703_418_6 * m + 1.707_614_7 * s,
        };
        linear.map(|v| if v <= 0.003_130_8 { v * 12.92 } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 })
    }
}

/// A gradient: OKLab stops, sampled once into a table.
#[derive(Clone, Debug)]
pub(crate) struct Ramp {
    table: Vec<Rgb>,
}

impl Ramp {
    /// A gradient through evenly spaced colours.
    pub(crate) fn new(stops: &[Lab]) -> Self {
        const STEPS: usize = 256;
        let last = stops.len().saturating_sub(1);
        let colour = |step: usize| {
            let at = step as f32 / (STEPS - 1) as f32 * last as f32;
            let from = (at as usize).min(last);
            let (a, b) = (stops.get(from)?, stops.get((from + 1).min(last))?);
            Some(a.mix(*b, at - from as f32).rgb())
        };
        Self { table: (0..STEPS).map(|step| colour(step).unwrap_or_default()).collect() }
    }

    /// The colour at `t` in `0.0..=1.0`; beyond, the end colours continue.
    pub(crate) fn at(&self, t: f32) -> Rgb {
        let last = self.table.len() - 1;
        let at = t.clamp(0.0, 1.0) * last as f32;
        let from = (at as usize).min(last);
        self.table[from].mix(self.table[(from + 1).min(last)], at - from as f32)
    }
}
