"""Old import paths and names, which keep working for one release; goes with version 0.3."""

#: Old path of a module -> new path.
MODULES: dict[str, str] = {
    "simulator.schemes.own_order": "simulator.schemes.order_signaling",
    "simulator.build": "simulator.setup.schemes",
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
    "simulator.checks.witness": "simulator.checks.watched_scheme",
    "simulator.papers.stack_figures": "simulator.papers.network_figures",
}

#: "old.module:name" -> "new.module:name", for names that have changed or moved elsewhere.
NAMES: dict[str, str] = {
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
    "simulator.check:MARKS": "simulator.commands.check:MARKS",
    "simulator.check:recognise": "simulator.checks.dispatch:recognize",
    "simulator.check:table": "simulator.commands.check:table",
    "simulator.checks.channel:FEW_USES": "simulator.checks.averages:FEW_USES",
    "simulator.checks.channel:MANY": "simulator.checks.averages:MANY",
    "simulator.checks.codec:pictures": "simulator.checks.codec:images",
    "simulator.checks.scheme:Case": "simulator.checks.scheme:SchemeTrial",
    "simulator.checks.witness:Witness": "simulator.checks.watched_scheme:WatchedScheme",
    "simulator.checks.witness:answer_problem": "simulator.checks.watched_scheme:feedback_problem",
    "simulator.codecs.image_codecs:GREY": "simulator.codecs.image_codecs:GRAY",
    "simulator.codecs.image_codecs:grey": "simulator.codecs.image_codecs:gray",
    "simulator.commands.run:INTERRUPTED": "simulator.commands.user_errors:INTERRUPTED",
    "simulator.guard:open_channel": "simulator.setup.channel:open_channel",
    "simulator.papers.gradcam:PICTURES": "simulator.papers.gradcam:SHOWN",
    "simulator.papers.stack_figures:STACK_FIGURES": "simulator.papers.network_figures:NETWORK_FIGURES",
    "simulator.papers.stack_figures:StackFigure": "simulator.papers.network_figures:NetworkFigure",
    "simulator.results.figures:AXES": "simulator.plots.panels:AXES",
    "simulator.results.figures:MARKERS": "simulator.results.line_styles:MARKERS",
    "simulator.scheme:scatter_outputs": "semantic.tasks:put_rows",
    "simulator.schemes.own_order:order_of": "simulator.schemes.order_signaling:new_first",
    "simulator.schemes.own_order:read_subset": "simulator.schemes.order_signaling:read_new_features",
    "simulator.schemes.semantic_harq:ORDER_SEED": "semantic.link.order:SHARED_SEED",
    "simulator.slots:LENGTH": "semantic.conventions:CODED_FEATURES",
    "simulator.source_codec:picture_problem": "simulator.source_codec:image_problem",
    "simulator.spec:GALLERIES": "simulator.spec_fields:GALLERIES",
    "simulator.sweeps.cells:Bench": "simulator.sweeps.cells:CellRunner",
    "simulator.sweeps.cells:spread": "simulator.sweeps.spread:van_der_corput",
    "simulator.sweeps.engines:AHEAD": "simulator.sweeps.engines:CELLS_AHEAD",
    "simulator.sweeps.engines:DEATHS": "simulator.sweeps.engines:MOST_DEATHS",
    "simulator.sweeps.identity:WITHOUT_INFLUENCE": "simulator.sweeps.code_identity:WITHOUT_INFLUENCE",
    "simulator.sweeps.merge:merge_runs": "simulator.sweeps.merge_trainings:merge_runs",
    "simulator.sweeps.seeds:summarise": "simulator.sweeps.seeds:summarize",
    "simulator.sweeps.store:readable": "simulator.sweeps.store:file_label",
    "simulator.sweeps.sweep:simulate": "simulator.sweeps.sweep:run_spec",
    "simulator.sweeps.sweep:TABLES_HELD": "simulator.sweeps.sweep:MOST_TABLES",
    "simulator.sweeps.sweepfile:Place": "simulator.sweeps.sweepfile:Combination",
    "simulator.sweeps.worker:Done": "simulator.sweeps.worker:Value",
    "simulator.sweeps.worker:bench_of": "simulator.sweeps.worker:runner_of",
    "simulator.training.encoder:Pictures": "simulator.training.encoder:TrainingImages",
}

#: "old.module:name" -> what to use instead, for names without a successor of the same form.
REMOVED: dict[str, str] = {
    "simulator.build_coded:ENGINES": 'phy.coding.ldpc_decoder.DECODERS, and "auto"',
    "simulator.build_coded:RETRANSMISSIONS": 'the words "block" and "group"',
    "simulator.check:check_from_options": "simulator.checks.dispatch.check, or the command simulate check",
    "simulator.cli:synthetic": "semantic.data.synthetic.write_synthetic, or the command simulate data synthetic",
    "simulator.commands.run:show": "simulator.commands.output.Output",
    "simulator.commands.runs:plot": "simulator.plot, or the command simulate plot",
    "simulator.results.curve:by_image": "simulator.results.grouping.Grouping",
    "simulator.results.figures:draw_runs": "the function simulator.plot",
    "simulator.schemes.semantic_harq:IMPORTANCES": 'the words "mean" and "image"',
    "simulator.schemes.semharq_plus:MOST_BITS": "the limits of estimate_bits in simulator.scheme_arguments",
    "simulator.schemes.single_task:SHARES": 'the words "third" and "full"',
    "simulator.training.encoder:read_pictures": "simulator.training.encoder.read_training_images of an opened data set",
    **{
        f"simulator.build:{name.replace('-', '_')}": f"build_scheme({name!r}, networks) of "
        "simulator.setup.schemes"
        for name in (
            *("perfect", "semharq", "semharq-no-fde", "semharq-sst", "semharq-csi"),
            *("semharq-oracle", "semharq-plus", "ik-s-harq", "rt-s-harq", "smsc-stc"),
            *("smsc-fir", "smsc-sequential", "smsc-random", "smsc-complete"),
        )
    },
    **{
        f"simulator.build_coded:{name.replace('-', '_')}": f"build_scheme({name!r}, networks) of "
        "simulator.setup.schemes"
        for name in (
            *("jpeg-ldpc-bpsk", "jpeg-ldpc-16qam-harq", "conventional-amc", "digital-features"),
        )
    },
    **{
        f"simulator.results.intervals:{name}": "share_interval and mean_interval over Vehicles"
        for name in (
            *("RESAMPLES", "Parts", "bootstrap", "bootstrap_ratio", "proportion"),
            *("resampled_means", "wilson"),
        )
    },
    **{
        f"simulator.schemes.stop_when_certain:{name}": f"{method} of "
        "semantic.link.stopping.StoppingCriterion"
        for name, method in (
            ("receive_snr_target", "target"),
            ("certain_enough", "decide"),
            ("final_outputs", "final_outputs"),
        )
    },
}
