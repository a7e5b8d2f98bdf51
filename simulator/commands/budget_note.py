"""Notes for schemes of files: too long for equal channel uses, or for any row of the MCS table."""

from __future__ import annotations

from collections.abc import Iterator

from simulator.setup.prepare import Prepared
from simulator.sweeps.sweep import Result

#: A scheme and an SNR -> bits of the smallest file of an image.
Smallest = dict[tuple[str, float], int]


def budget_notes(prepared: Prepared, result: Result) -> Iterator[str]:
    """Yields a line for each scheme of image files that are too long for the budget "uses".

    Such a scheme has accuracies near zero, because no file arrives whole.
    """
    spec = prepared.spec
    if spec.budget != "uses":
        return
    smallest = smallest_files(result)
    for name, scheme in prepared.schemes.items():
        rule = getattr(scheme, "rule", None)
        needs = {}
        for snr_db in spec.snr_db if rule is not None else ():
            bits, slot = smallest.get((name, snr_db)), spec.slot(snr_db)
            if bits is not None and rule is not None:
                uses = rule.for_file(-(-bits // 8), slot).codec(bits).uses
                needs[snr_db] = uses, spec.max_transmissions * slot.uses
        short = {snr_db: pair for snr_db, pair in needs.items() if pair[0] > pair[1]}
        if short:
            where = "at every SNR" if len(short) == len(needs) else f"up to {max(short):g} dB"
            allowed = [limit for _, limit in short.values()]
            span = "" if min(allowed) == max(allowed) else f"{min(allowed)} to "
            yield (
                f"{name}: the budget of {span}{max(allowed)} channel uses an image is too small "
                f"{where}: its smallest file needs {min(uses for uses, _ in short.values())} uses"
            )


def smallest_files(result: Result) -> Smallest:
    """Returns the smallest number of information bits of an image, by scheme and SNR."""
    found: Smallest = {}
    for table in result.tables():
        if "information_bits" not in table:
            continue
        rows = table[table["information_bits"] > 0]
        for (scheme, snr_db), bits in rows.groupby(["scheme", "snr_db"])["information_bits"]:
            key = str(scheme), float(str(snr_db))
            found[key] = min(found.get(key, int(bits.min())), int(bits.min()))
    return found


def target_notes(prepared: Prepared, result: Result) -> Iterator[str]:
    """Yields a line for each scheme with images of many slots where no row meets `target_bler`.

    Many slots are more than G_max. An image takes them although each transmission is one burst,
    because the most robust row of the MCS table carries few bits in a use.
    """
    limit = prepared.spec.max_transmissions
    most: dict[tuple[str, float], int] = {}
    for table in result.tables():
        for (scheme, snr_db), slots in table.groupby(["scheme", "snr_db"])["slots"]:
            key = str(scheme), float(str(snr_db))
            most[key] = max(most.get(key, 0), int(slots.max()))
    for name, scheme in prepared.schemes.items():
        rule = getattr(scheme, "rule", None)
        if rule is None or not hasattr(rule, "meets_target"):  # a rule that adapts has it
            continue
        long = [snr_db for snr_db in prepared.spec.snr_db if most.get((name, snr_db), 0) > limit]
        missed = [db for db in long if not rule.meets_target(prepared.spec.slot(db))]
        if missed:
            yield (
                f"{name}: no row of the MCS table meets target_bler={rule.target_bler:g} up to "
                f"{max(missed):g} dB; the most robust row is used, and an image takes up to "
                f"{max(most[name, snr_db] for snr_db in missed)} slots (docs/conventional.md)"
            )
