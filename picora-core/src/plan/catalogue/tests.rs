use super::*;

const SHIPPED: &str = include_str!("../default.toml");

#[test]
fn the_documents_numbers_ship() {
    let plans = PlanCatalogue::default();
    let trial = plans.plan(PlanId::Trial);
    assert_eq!(
        trial.limits.of(Dimension::ImgStorage),
        Limit::Max(Amount::from(104_857_600))
    ); // #21
    assert_eq!(trial.billing, Billing::Once); // #19
    let usd_cny = |price: fn(Money) -> Price| {
        vec![
            price(Money::new(900, Currency::Cny)),
            price(Money::new(499, Currency::Usd)),
        ]
    };
    assert_eq!(trial.prices, usd_cny(Price::Once)); // #20
    let pro = plans.plan(PlanId::Pro);
    assert_eq!(pro.prices[..2], usd_cny(Price::Monthly)); // #25
    assert!(pro.video && !trial.video); // #23, #26
    assert_eq!(
        plans
            .plan(PlanId::ProPlus)
            .limits
            .of(Dimension::MediaStorage),
        Limit::Max(Amount::new(10 << 30).unwrap())
    ); // C29
}

#[test]
fn a_larger_plan_never_allows_less() {
    let plans = PlanCatalogue::default();
    for pair in PlanId::ALL.windows(2) {
        for ((dimension, small), (_, large)) in plans
            .plan(pair[0])
            .limits
            .iter()
            .zip(plans.plan(pair[1]).limits.iter())
        {
            let (Some(small), Some(large)) = (small.max(), large.max()) else {
                continue;
            };
            assert!(
                small <= large,
                "{dimension}: {} allows {small}, {} only {large}",
                pair[0],
                pair[1]
            );
        }
    }
}

#[test]
fn the_strict_reading_leaves_the_trial_only_images() {
    let strict = PlanCatalogue::default().with_trial_images_only();
    let trial = strict.plan(PlanId::Trial);
    assert_eq!(trial.limits.of(Dimension::MediaStorage), Limit::NOTHING);
    assert_eq!(trial.limits.of(Dimension::DocCount), Limit::NOTHING);
    assert_ne!(trial.limits.of(Dimension::ImgStorage), Limit::NOTHING);
}

#[test]
fn a_faulty_catalogue_names_its_fault() {
    let with = |from: &str, to: &str| {
        PlanCatalogue::parse(&SHIPPED.replacen(from, to, 1)).map_err(|error| error.to_string())
    };
    let fault = |from, to| with(from, to).expect_err("the change must be refused");
    assert!(
        fault("img_storage_bytes = 104_857_600", "")
            .contains("plan trial: the limit `img_storage_bytes`")
    );
    assert!(fault("= 104_857_600", "= -1").contains("cannot be read"));
    assert!(
        fault("= 104_857_600", "= \"plenty\"")
            .contains("plan trial: the limit `img_storage_bytes`")
    );
    assert!(fault("= 104_857_600", "= 9223372036854775807").contains("2^62"));
    assert!(
        fault(
            "img_storage_bytes = 104_857_600",
            "img_storage_bytes = 1\nimg_storage = 1"
        )
        .contains("`img_storage`")
    );
    assert!(fault("USD = 499", "EUR = 499").contains("once.EUR"));
    assert!(fault("once = {", "monthly = {").contains("does not fit"));
    assert!(fault("[plans.pro]", "[plans.max]").contains("cannot be read"));
    assert!(with("= 104_857_600", "= \"unlimited\"").is_ok());
}
