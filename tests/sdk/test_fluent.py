"""MLflow's fluent verbs: their names, their meanings, and what is said of those not there."""

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest

import trackql
from trackql import Client, _absent
from trackql.errors import AlreadyExists, InvalidInput, NotAvailable, NotFound

# MLflow's public fluent names outside GenAI: functions, classes and framework flavors.
NAMES = (Path(__file__).parent / "mlflow_names.txt").read_text().split()


@pytest.mark.parametrize("name", NAMES)
def test_each_name_works_or_says_what_to_use(name: str) -> None:
    if name in _absent.OTHERS:
        with pytest.raises(NotAvailable, match=rf"trackql\.{name}: .{{30}}"):
            getattr(trackql, name)
        return
    found = getattr(trackql, name)
    assert callable(found) or inspect.ismodule(found)
    if name in _absent.FUNCTIONS:
        with pytest.raises(NotAvailable, match=rf"trackql\.{name}: .{{30}}"):
            found("anything", key="word")
    else:
        assert name in trackql.__all__


def test_no_reason_is_given_for_what_is_there() -> None:
    assert not {*_absent.FUNCTIONS, *_absent.OTHERS} & set(trackql.__all__)
    assert not {*_absent.FUNCTIONS, *_absent.OTHERS} - set(NAMES)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = trackql.nonsense


def test_the_list_is_what_mlflow_has() -> None:
    mlflow = pytest.importorskip("mlflow")
    here = {name for name in NAMES if hasattr(mlflow, name)}
    for name in here & set(trackql.__all__):
        theirs, ours = getattr(mlflow, name), getattr(trackql, name)
        if inspect.isfunction(theirs) and inspect.isfunction(ours):
            # What is ours beyond theirs can only be given by its name.
            assert by_place(ours) == by_place(theirs)
            assert set(inspect.signature(theirs).parameters) <= set(
                inspect.signature(ours).parameters
            )


def by_place(function: Callable[..., object]) -> list[str]:
    parameters = inspect.signature(function).parameters.values()
    return [each.name for each in parameters if each.kind is not each.KEYWORD_ONLY]


def test_an_ordinary_script_runs(memory: Client) -> None:
    import trackql as mlflow

    mlflow.set_tracking_uri(memory.url)
    experiment = mlflow.set_experiment("ordinary/script")
    with mlflow.start_run(run_name="outer") as run:
        mlflow.log_param("alpha", 0.5)
        mlflow.log_params({"l1": 1, "l2": 2})
        for step in range(3):
            mlflow.log_metric("rmse", 1 / (step + 1), step=step)
        mlflow.log_metrics({"r2": 0.9, "mae": 0.1})
        mlflow.set_tag("kind", "example")
        mlflow.set_tags({"a": 1, "b": True})
    assert mlflow.active_run() is None
    last = mlflow.last_active_run()
    assert last is not None
    assert last.info.run_id == run.info.run_id
    data = mlflow.get_run(run.info.run_id).data
    assert data.metrics == {"rmse": 1 / 3, "r2": 0.9, "mae": 0.1}
    assert data.params == {"alpha": "0.5", "l1": "1", "l2": "2"}
    assert data.tags == {"kind": "example", "a": "1", "b": "True"}
    found = mlflow.search_runs(
        [experiment.experiment_id],
        "metrics.r2 > 0.5 and params.alpha = '0.5'",
        order_by=["metrics.mae"],
    )
    assert found["run_id"].tolist() == [run.info.run_id]
    assert found["metrics.rmse"].tolist() == [1 / 3]
    assert found["tags.kind"].tolist() == ["example"]
    assert run.info.experiment_id == experiment.experiment_id
    client = mlflow.MlflowClient()
    assert [point.step for point in client.get_metric_history(run.id, "rmse")] == [0, 1, 2]


def test_a_run_begins_by_itself(memory: Client) -> None:
    assert trackql.active_run() is None
    assert trackql.log_param("a", 1) == 1
    run = trackql.active_run()
    assert run is not None
    trackql.end_run("FAILED")
    trackql.end_run()
    assert memory.run(run.id).info.status == "FAILED"


def test_synchronous_calls_wait_and_others_can_be_waited_for(memory: Client) -> None:
    run = trackql.start_run()
    trackql.log_metric("x", 1.0, synchronous=True)
    assert trackql.log_metric("x", 2.0) is None
    later = trackql.log_metrics({"x": 3.0}, synchronous=False)
    assert later is not None
    later.wait()
    trackql.flush_async_logging()
    assert memory.run(run.id).data.metrics == {"x": 3.0}


def test_experiments_are_made_found_and_deleted(memory: Client) -> None:
    made = trackql.create_experiment("life/one", tags={"a": "b"})
    with pytest.raises(AlreadyExists):
        trackql.create_experiment("life/one")
    assert trackql.get_experiment(made).name == "life/one"
    assert trackql.get_experiment_by_name("life/none") is None
    trackql.set_experiment("life/one")
    trackql.set_experiment_tag("c", 1)
    assert trackql.get_experiment(made).tags == {"a": "b", "c": "1"}
    assert made in [each.experiment_id for each in trackql.search_experiments()]
    trackql.delete_experiment(made)
    assert made not in [each.experiment_id for each in trackql.search_experiments()]
    deleted = trackql.search_experiments(trackql.ViewType.DELETED_ONLY)
    assert made in [each.experiment_id for each in deleted]
    again = trackql.create_experiment("life/one")
    with pytest.raises(AlreadyExists, match="newName"):
        trackql.restore_experiment(made)
    memory.restore_experiment(made, new_name="life/first")
    assert trackql.get_experiment(made).lifecycle_stage == "active"
    trackql.delete_experiment(again)
    trackql.set_experiment("life/one")
    with trackql.start_run() as run:
        pass
    assert run.info.experiment_id not in (made, again)
    with pytest.raises(NotFound):
        trackql.get_experiment("no such id")


def test_an_experiment_is_chosen_without_waiting(memory: Client) -> None:
    chosen = trackql.set_experiment("chosen/late")
    assert chosen.name == "chosen/late"
    found = trackql.get_experiment_by_name("chosen/late")
    assert found is not None
    assert chosen.experiment_id == found.experiment_id
    assert chosen.lifecycle_stage == "active"
    by_id = trackql.set_experiment(experiment_id=found.experiment_id)
    assert by_id.name == "chosen/late"
    with trackql.start_run() as run:
        pass
    assert memory.run(run.id).info.experiment_id == found.experiment_id
    with pytest.raises(InvalidInput, match="experiment_name"):
        trackql.set_experiment()


def test_deleted_runs_come_back(memory: Client) -> None:
    with trackql.start_run(experiment_id=trackql.create_experiment("bin")) as run:
        pass
    place = run.info.experiment_id
    trackql.delete_run(run.id)
    assert trackql.search_runs([place], output_format="list") == []
    only = trackql.search_runs(
        [place], run_view_type=trackql.ViewType.DELETED_ONLY, output_format="list"
    )
    assert [each.id for each in only] == [run.id]
    trackql.restore_run(run.id)
    assert len(trackql.search_runs([place], output_format="list")) == 1


def test_addresses_are_checked(memory: Client) -> None:
    for address in ("sqlite:///mlflow.db", "./mlruns", "databricks"):
        with pytest.raises(InvalidInput, match="trackql server"):
            trackql.set_tracking_uri(address)
    assert trackql.get_tracking_uri() == memory.url
    assert trackql.is_tracking_uri_set()


def test_what_is_not_there_yet_is_refused_by_name(memory: Client) -> None:
    trackql.start_run()
    with pytest.raises(NotAvailable, match="model_id"):
        trackql.log_metric("x", 1.0, model_id="m")
    with pytest.raises(NotAvailable, match="experiments have no filter"):
        trackql.search_experiments(filter_string="name LIKE 'x%'")
    with pytest.raises(NotAvailable, match="sort the list"):
        trackql.search_experiments(order_by=["name"])
    trackql.end_run()
