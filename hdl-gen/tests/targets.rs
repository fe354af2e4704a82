//! The engine chosen for a device: it fits, nothing that was tried is faster, errors say why not.

use hdl_gen::targets::{choose, depths, schedule_resources};
use hdl_gen::{
    CellChoice, HardwareConfig, HdlError, MacCell, MemoryPlace, Target, cycles, images, schedule,
};
use network::{Mode, Network};
use qunet_tests::unet::{Unet, unet};

fn network(base: usize, depth: usize, size: usize, mode: Mode) -> Network {
    unet(&Unet { base, depth, size: [size, size], mode, ..Default::default() })
}

#[test]
fn the_choice_fits_and_is_the_fastest_that_does() {
    let network = network(4, 2, 16, Mode::Scaled);
    let mut lanes = Vec::new();
    for target in [Target::Up5k, Target::Ecp5_25k, Target::Ecp5_85k] {
        let choice = choose(&network, &HardwareConfig::default(), target).expect("fits");
        let schedule = schedule::schedule(&network, &choice.config).expect("schedules");
        let found = schedule_resources(&network, &schedule, target);
        let capacity = target.capacity().expect("a device");
        for ((name, needed), (_, there)) in found.counts().into_iter().zip(capacity.counts()) {
            assert!(needed <= there, "{target}: {needed} {name} of {there}");
        }
        let cycles = cycles::cycle_model(&network, &schedule).total;
        for tried in choice.tried.iter().filter(|tried| tried.missing.is_empty()) {
            assert!(cycles <= tried.cycles, "{target}: {:?}", tried.engine);
        }
        assert!(choice.tried.len() > 2, "{target}");
        lanes.push(schedule.engine.lanes());
    }
    // more device, more lanes
    assert!(lanes[0] >= 8 && lanes[0] < lanes[1] && lanes[1] < lanes[2], "{lanes:?}");
}

#[test]
fn depths_are_those_of_the_images() {
    let network = network(4, 2, 16, Mode::Scaled);
    let config = HardwareConfig::default();
    let schedule = schedule::schedule(&network, &config).expect("schedules");
    let images = images::images(&network, &schedule, &config).expect("images");
    let found = depths(&network, &schedule);
    assert_eq!(found.weights, images.weights.words.len());
    assert_eq!(found.params, images.params.words.len());
    assert_eq!(found.descriptors, images.descriptors.words.len());
}

#[test]
fn other_keys_hold() {
    let network = network(4, 2, 32, Mode::Fixed);
    let config = HardwareConfig { mac_cell: CellChoice::Lut, ..Default::default() };
    let choice = choose(&network, &config, Target::Ecp5_25k).expect("fits");
    assert_eq!(choice.config.mac_cell, CellChoice::Lut);
    for tried in &choice.tried {
        let one_bit = tried.engine.digit_bits == 1;
        assert!(one_bit || tried.engine.mac_cell == MacCell::Lut);
        assert_eq!(tried.resources.multipliers, 0, "{:?}", tried.engine);
    }
    // without a device nothing is chosen
    let generic = choose(&network, &config, Target::Generic).expect("no device");
    assert_eq!((generic.config, generic.tried.len()), (config, 0));
}

#[test]
fn a_network_that_is_too_large_names_what_is_missing() {
    let network = network(8, 3, 64, Mode::Scaled);
    let error = choose(&network, &HardwareConfig::default(), Target::Up5k).unwrap_err();
    assert!(matches!(error, HdlError::Target { .. }), "{error}");
    let text = error.to_string();
    assert!(text.starts_with("target up5k: no engine fits; the closest, of "), "{text}");
    assert!(text.contains(" block RAMs where there are 30 ("), "{text}");
    // an illegal key is named as without a target
    let config = HardwareConfig { lane_bits: Some(9), ..Default::default() };
    let error = choose(&network, &config, Target::Up5k).unwrap_err();
    assert_eq!(error.to_string(), "hardware.lane_bits: expected 1 to 8, found 9");
}

#[test]
fn no_engine_is_chosen_for_external_memory() {
    let network = network(4, 2, 16, Mode::Scaled);
    let config = HardwareConfig { memory: MemoryPlace::External, ..Default::default() };
    let error = choose(&network, &config, Target::Ecp5_25k).unwrap_err();
    assert_eq!(
        error.to_string(),
        "hardware.memory: expected on-chip where the engine is chosen for target ecp5-25k, found \
         external"
    );
    assert_eq!(choose(&network, &config, Target::Generic).expect("no device").config, config);
}
