"""Old import paths and names, which keep working for one release; goes with version 0.3."""

#: Old path of a module -> new path.
MODULES: dict[str, str] = {
    "simulator.schemes.own_order": "simulator.schemes.order_signaling",
    "simulator.build": "simulator.setup.learned",
    "simulator.build_coded": "simulator.setup.coded",
    "simulator.check": "simulator.checks.dispatch",
    "simulator.codecs.picture_files": "simulator.codecs.encoded_files",
    "simulator.codecs.sent_pictures": "simulator.codecs.sent_images",
    "simulator.prepare": "simulator.setup.prepare",
    "simulator.schemes.packing": "simulator.schemes.iq_mapping",
    "simulator.schemes.stop_when_certain": "semantic.link.stopping",
    "simulator.schemes.subset_code": "simulator.schemes.enumerative_code",
    "simulator.sources": "simulator.encoded_dataset",
    "simulator.stack": "simulator.setup.networks",
    "simulator.sweeps.stop_rule": "simulator.stop_rule",
}

#: "old.module:name" -> "new.module:name", for names that have changed or moved elsewhere.
NAMES: dict[str, str] = {
    "simulator.build:build_schemes": "simulator.setup.schemes:build_schemes",
    "simulator.schemes.own_order:image_order": "simulator.schemes.image_importance:image_order",
    "simulator.schemes.packing:pack": "simulator.schemes.iq_mapping:map_iq",
    "simulator.schemes.packing:unpack": "simulator.schemes.iq_mapping:demap_iq",
    "simulator.schemes.subset_code:subset_bits": "simulator.schemes.enumerative_code:selection_bits",
    "simulator.schemes.subset_code:encode_subset": "simulator.schemes.enumerative_code:encode_selection",
    "simulator.schemes.subset_code:decode_subset": "simulator.schemes.enumerative_code:decode_selection",
    "simulator.codecs.picture_files:PictureFiles": "simulator.codecs.encoded_files:EncodedFiles",
    "simulator.codecs.sent_pictures:SentPictures": "simulator.codecs.sent_images:SentImages",
    "simulator.sources:Sources": "simulator.encoded_dataset:EncodedDataset",
    "simulator.stack:Stack": "simulator.setup.networks:Networks",
}
