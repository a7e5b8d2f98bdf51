"""The sweep of the README on two dask workers; on a cluster only `LocalCluster` changes."""

import sys

from distributed import LocalCluster

from simulator import Engine, simulate


def main(out: str, images: int | None) -> None:
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        engine = Engine("dask", scheduler=cluster.scheduler_address, cell_timeout_s=600)
        table = simulate("semharq,perfect", "-6:8:7", images=images, out=out, engine=engine)
    rank1 = table[table["metric"] == "rank1"]
    print(rank1.pivot(index="snr_db", columns="scheme", values="value"))


if __name__ == "__main__":  # the worker processes import this file
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None)
