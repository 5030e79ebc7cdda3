# Recipes that chain the tools. `just --list` explains them; settings are variables:
#   just suffix=pr7 web_image=… api_image=… up

set shell := ["bash", "-euo", "pipefail", "-c"]

environment := env("ENVIRONMENT", "production")
suffix := env("ENVIRONMENT_SUFFIX", "")
name := environment + "-" + suffix

# Every value is quoted where a recipe uses it: a suffix often comes from a branch's name. Flags are
# quoted word by word.
environment_and_suffix := quote(environment) + " " + quote(suffix)

# What the two services run: a reference that ECS can pull (the local AWS takes any), a directory of this
# machine that is built and pushed, or WEB_IMAGE=none until a pipeline has built one.
web_image := env("WEB_IMAGE", "")
api_image := env("API_IMAGE", "")
web_context := env("WEB_CONTEXT", "")
api_context := env("API_CONTEXT", "")
web_runs := if web_context != "" { "--context " + quote(web_context) } else if web_image == "none" { "" } else { "--image " + quote(web_image) }
api_runs := if api_context != "" { "--context " + quote(api_context) } else if api_image == "none" { "" } else { "--image " + quote(api_image) }
placeholder := if web_runs == "" { "--placeholder" } else if api_runs == "" { "--placeholder" } else { "" }

# What a pipeline builds, OWNER/NAME on GitHub, what that is called here, and where.
repository := env("REPOSITORY", "")
source := env("SOURCE", "web")
pipeline_region := env("PIPELINE_REGION", "ap-southeast-1")

# A connection to GitHub that is there already, by its ARN or name; without, one is made.
connection := env("CONNECTION", "")
adopt := if connection == "" { "" } else { "--adopt " + quote(connection) }

export PATH := justfile_directory() / "target/debug" + ":" + justfile_directory() / ".venv/bin" + ":" + env("PATH")

# List the recipes
default:
    @just --list

# Make or mend the environment: web, public on port 80, and api, which only web can reach
[no-exit-message]
up *flags: (_up "" flags)

# Tell what `up` would create, change or take away, and change nothing; ends with 10 if anything
plan: (_up "" "--plan")

# Make or mend the environment, and delete what no app needs any more, such as a dropped app
[confirm("Delete what nothing in the recipe needs any more of " + name + "?")]
[no-exit-message]
prune *flags: (_up "--confirm " + quote(name) flags)

# Draw what is there, as SVG: just draw > env.svg
[group('environment')]
[no-exit-message]
draw: _named build
    ls-env --env {{quote(name)}} </dev/null \
      | draw-env

# Draw what `up` would create, change or take away: just draw-plan > plan.svg; ends with 10 if anything
[group('environment')]
draw-plan: (_up "" "--plan" "| draw-env")

[no-exit-message]
_up prune flags end="": _named build
    mk-env {{environment_and_suffix}} {{ if flags == "" { "" } else { replace(quote(flags), " ", "' '") } }} </dev/null \
      | mk-app web --public --port 5000 --calls api \
          --set ASPNETCORE_URLS=http://+:5000 \
          --set 'ApiAddress=http://{alb.api.dns}/WeatherForecast' \
          {{ if web_image + web_context == "" { error("say what web runs: WEB_IMAGE=REFERENCE or WEB_CONTEXT=DIRECTORY just up") } else { web_runs } }} \
      | mk-app api --port 5000 --health /WeatherForecast \
          --set ASPNETCORE_URLS=http://+:5000 \
          {{ if api_image + api_context == "" { error("say what api runs: API_IMAGE=REFERENCE or API_CONTEXT=DIRECTORY just up") } else { api_runs } }} \
      | mk-vpc \
      | mk-sg --private-api \
      | mk-alb \
      | mk-ecr \
      | push-image \
      | mk-role \
      | mk-logs \
      | mk-ecs-svc {{placeholder}} \
      | wait-env \
      | prune-env {{prune}} {{end}}

# List what is there
ls: _named build
    ls-env --env {{quote(name)}} </dev/null

# Delete the environment and everything in it, images and logs included
[confirm("Delete " + name + " and everything in it, images and logs included?")]
down: _named build
    ls-env --env {{quote(name)}} </dev/null \
      | rm-env --confirm {{quote(name)}}

# Tell what `down` would delete, and delete nothing
[no-exit-message]
down-plan: _named build
    ls-env --env {{quote(name)}} </dev/null \
      | rm-env --plan

# Build an app, push it, run it and wait until it is healthy: just deploy web ./src/web
deploy app context=("./" + app): _named build
    ls-env --env {{quote(name)}} --only services </dev/null \
      | push-image --context {{quote(app + "=" + context)}} \
      | mk-ecs-svc \
      | wait-env

# Take an app back to what it ran before, and wait until that is healthy
rollback app: _named build
    ls-env --env {{quote(name)}} --only services </dev/null \
      | mk-ecs-svc --rollback {{quote(app)}} \
      | wait-env

# Make or mend the pipeline: each push to main is built, stored and tagged production
pipeline-up *flags: (_pipeline "--region " + quote(pipeline_region) flags "" "")

# The same in the region of `up`, and each image is deployed to the app of the same name
pipeline-up-deploy *flags: (_pipeline "" flags "--deploy" "")

# Tell what `pipeline-up` would create or change, and change nothing
pipeline-plan: (_pipeline "--region " + quote(pipeline_region) "--plan" "" "")

# Make or mend the pipeline, and delete what no source needs any more, such as one that was renamed
[confirm("Delete what nothing in the recipe needs any more of the pipelines of " + name + "?")]
[no-exit-message]
pipeline-prune *flags: (_pipeline "--region " + quote(pipeline_region) flags "" "--confirm " + quote(name))

[no-exit-message]
_pipeline region flags source_flags prune: _named build
    mk-env {{environment_and_suffix}} {{region}} {{ if flags == "" { "" } else { replace(quote(flags), " ", "' '") } }} </dev/null \
      | mk-source {{quote(source)}} {{ if repository == "" { error("say what is built: REPOSITORY=OWNER/NAME just pipeline-up") } else { quote(repository) } }} {{source_flags}} \
      | mk-connection {{adopt}} \
      | mk-bucket \
      | mk-ecr \
      | mk-role \
      | mk-logs --retention 7 \
      | mk-build \
      | mk-fn \
      | mk-pipeline \
      | mk-rule \
      | wait-env \
      | prune-env {{prune}}

# List what the pipeline is made of
pipeline-ls: _named build
    ls-env --env {{quote(name)}} --region {{quote(pipeline_region)}} --only pipelines </dev/null

# Draw the pipeline, as SVG: just pipeline-draw > pipeline.svg
[group('pipeline')]
[no-exit-message]
pipeline-draw: _named build
    ls-env --env {{quote(name)}} --region {{quote(pipeline_region)}} --only pipelines </dev/null \
      | draw-env

# Tell what `pipeline-down` would delete, and delete nothing
[no-exit-message]
pipeline-down-plan: _named build
    ls-env --env {{quote(name)}} --region {{quote(pipeline_region)}} --only pipelines </dev/null \
      | rm-env --plan

# Delete the pipeline and everything in it, artifacts, images and logs included
[confirm("Delete the pipelines of " + name + " and everything in them, artifacts, images and logs included?")]
pipeline-down: _named build
    ls-env --env {{quote(name)}} --region {{quote(pipeline_region)}} --only pipelines </dev/null \
      | rm-env --confirm {{quote(name)}}

# No environment is the default: a wrong one would be taken for the right one.
[no-exit-message]
_named:
    @{{ if suffix == "" { "echo 'say which environment: ENVIRONMENT_SUFFIX=pr123 just …, or just suffix=pr123 …' >&2; exit 2" } else { "" } }}

# Run a recipe against an AWS on this machine, without a question: just local up
local +recipe:
    eval "$(scripts/local-aws start)" && \
      ENVIRONMENT_SUFFIX={{quote(if suffix == "" { "local" } else { suffix })}} \
      WEB_IMAGE="${WEB_IMAGE:-registry.example/web:1}" API_IMAGE="${API_IMAGE:-registry.example/api:1}" \
      REPOSITORY="${REPOSITORY:-owner/web}" just --yes {{ replace(quote(recipe), " ", "' '") }}

# Stop the AWS on this machine, and forget what was made in it
local-stop:
    scripts/local-aws stop

# Build the tools
build:
    @cargo build --locked --quiet --workspace

# Show the whole of it on this machine: up, ls, up again, down
demo:
    scripts/demo

# Check one tool: its unit tests, its tests/TOOL.rs, its clippy
check tool:
    @scripts/venv
    cargo build --quiet --locked --workspace --bins
    cargo test --quiet --locked --package {{quote(tool)}} --bins {{ if path_exists("tools" / tool / "src/lib.rs") == "true" { "--lib" } else { "" } }}
    cargo test --quiet --locked --workspace --test {{quote(tool)}}
    cargo clippy --quiet --locked --package {{quote(tool)}} --all-targets -- -D warnings

# Run every test
test:
    scripts/test

# Kill the recipes at every change, lose every answer, race, throttle; a hundred apps
torture: build
    scripts/venv
    TORTURE=all cargo test --locked --workspace --test change --test convergence --test races --test scale

# Check style, and that every tool has all its parts
lint:
    cargo fmt --check
    cargo clippy --locked --quiet --workspace --all-targets -- -D warnings
    scripts/deny
    scripts/lint-python
    scripts/check

# Measure calls, depth, time and memory of the recipes on this machine
bench: build
    scripts/venv
    .venv/bin/python scripts/bench

# Install the tools and their manual pages for this user
install:
    for tool in tools/*/src/main.rs; do \
      cargo install --locked --path "${tool%/src/main.rs}"; done
    mkdir -p ~/.local/share/man/man1 ~/.local/share/man/man5 ~/.local/share/man/man7
    for page in man/*; do cp "$page" ~/.local/share/man/man"${page##*.}"/; done
