"""The examples over Kafka give the rows that they give over `local`. Their APIs are far away: answers of the same
shape stand in for them; the earthquakes are the real ones of the sample API."""

import json

import pytest
import riacho
import yaml
from kafka_river import broker_of
from riacho import assert_same_rows


def series(count):
    return [{"data": f"{day:02}/03/2024", "valor": f"{4.9 + day / 1000:.4f}"} for day in range(1, count + 1)]


def page_of(rows):
    """Three pages of `dados`; the one after them is empty, which is the end."""
    return lambda params: {"dados": rows(int(params["pagina"])) if int(params["pagina"]) <= 3 else [], "links": []}


def deputies(page):
    return [
        {"id": page * 100 + n, "nome": f" Deputada {n} ", "siglaPartido": "ABC", "siglaUf": "SP", "email": "A@B.br"}
        for n in range(100)
    ]


def bills(page):
    return [
        {"id": page * 100 + n, "siglaTipo": "PL", "numero": n, "ano": 2025, "ementa": "  "} for n in range(100)
    ]


def issues(params):
    return [
        {
            "id": n, "number": n, "title": f" =title {n}", "state": "open", "user": {"login": f"user{n % 3}"},
            "labels": [{"name": "bug"}], "comments": n % 4, "pull_request": {"url": "x"} if n % 2 else None,
            "created_at": "2024-05-01T00:00:00Z", "updated_at": f"2024-05-01T00:{59 - n:02}:00Z", "closed_at": None,
        }
        for n in range(50)
    ]


def comments(params):
    return [
        {"id": n, "issue_url": f"i/{n}", "user": {"login": "u"}, "body": f"text\n{n}",
         "created_at": "2024-05-01T00:00:00Z", "updated_at": f"2024-05-01T00:{59 - n:02}:00Z"}
        for n in range(50)
    ]


def place(number):
    region = {"id": 3, "sigla": "SE", "nome": "Sudeste"}
    return {
        "id": number, "nome": f"Lugar {number}", "sigla": f"L{number}", "regiao": region, "microrregiao": None,
        "regiao-imediata": {
            "nome": "I", "regiao-intermediaria": {"nome": "R", "UF": {"sigla": "MG", "regiao": region}},
        },
    }


def forecast(params):
    hourly = {"time": [f"2026-11-22T{hour:02}:00" for hour in range(24)]}
    for name in ("temperature_2m", "relative_humidity_2m", "precipitation", "wind_speed_10m"):
        hourly[name] = [hour + len(name) / 2 for hour in range(24)]
    places = [{"latitude": -23.55, "longitude": -46.63}, {"latitude": -22.91, "longitude": -43.17}]
    return [{**place, "elevation": 760.0, "hourly": hourly} for place in places]


# path -> what it answers
ANSWERS = {
    "banco-central": {
        "/bcdata.sgs.1/dados": lambda params: series(20),
        "/bcdata.sgs.432/dados": lambda params: series(12),
        "/bcdata.sgs.433/dados": lambda params: series(3),
    },
    "camara-deputados": {"/deputados": page_of(deputies), "/proposicoes": page_of(bills)},
    "github-issues": {"/issues": issues, "/issues/comments": comments},
    "ibge-localidades": {
        path: lambda params: [place(n) for n in range(1, 28)] for path in ("/regioes", "/estados", "/municipios")
    },
    "open-meteo": {"/forecast": forecast},
}


def test_all_examples_are_here():
    examples = {path.stem for path in (riacho.ROOT / "examples").glob("*.yaml")}

    assert examples == {*ANSWERS, "earthquakes"}


def answer_with(make):
    return lambda exchange: exchange.send(
        200, json.dumps(make(exchange.params)).encode(), {"Content-Type": "application/json"}
    )


def assert_same_over_kafka(example, cluster, folder, own_name, env=None):
    """Runs it over both brokers; its folders are beneath its own."""
    made = {}
    for kind, broker in {"local": "local", "kafka": broker_of(cluster)}.items():
        conf = {**example, "name": own_name, "broker": broker}
        made[kind] = riacho.Pipeline(folder / kind, conf, env={"GITHUB_TOKEN": "x", **(env or {})})
        made[kind].run()
    files = {kind: sorted(p.dir.rglob("adjusted/*/*.parquet")) for kind, p in made.items()}
    assert len(files["kafka"]) == len(files["local"]) >= 1
    for table in {path.parent.name for path in files["local"]}:
        rows = {
            kind: [
                riacho.without_lineage(row)
                for path in files[kind]
                if path.parent.name == table
                for row in riacho.parquet_rows(path)
            ]
            for kind in files
        }
        assert len(rows["local"]) > 0, table
        assert_same_rows(rows["kafka"], rows["local"])


@pytest.mark.parametrize("name", ANSWERS)
def test_an_example_gives_the_same_rows_over_kafka(api, cluster, tmp_path, own_name, name):
    example = yaml.safe_load((riacho.ROOT / "examples" / f"{name}.yaml").read_text())
    example["source"]["client"]["base_url"] = api.url
    del example["source"]["client"]["rate_limit"]
    for path, make in ANSWERS[name].items():
        api.add(path).fail_always(answer_with(make))

    assert_same_over_kafka(example, cluster, tmp_path, own_name)


def test_the_earthquakes_give_the_same_rows_over_kafka(cluster, tmp_path, own_name):
    example = yaml.safe_load((riacho.ROOT / "examples" / "earthquakes.yaml").read_text())

    with riacho.Process(["sample-api", "--listen", "127.0.0.1:0"], tmp_path) as sample:
        riacho.wait_until(lambda: "http://" in sample.stderr)
        url = "http://" + sample.stderr.split("http://", 1)[1].split("/", 1)[0]
        assert_same_over_kafka(example, cluster, tmp_path, own_name, env={"USGS_URL": url})
