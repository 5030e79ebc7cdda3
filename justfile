# Recipes that chain the tools. `just --list` explains them; settings are variables:
#   just suffix=pr7 web_image=… api_image=… up
# Each tool takes flags of its own from a variable of its name:
#   MK_VPC_FLAGS='--nat single' API_FLAGS='--count 4' just up

# -f: a * in such a flag is no pattern of files.
set shell := ["bash", "-feuo", "pipefail", "-c"]

environment := env("ENVIRONMENT", "production")
suffix := env("ENVIRONMENT_SUFFIX", "")
name := environment + "-" + suffix

# Every value is quoted where a recipe uses it: a suffix often comes from a branch's name. Flags are
# quoted word by word.
environment_and_suffix := quote(environment) + " " + quote(suffix)

# What the two services run: a reference that ECS can pull (the local AWS takes any), a directory of this
# machine that is built and pushed, an image in a file that is pushed, or WEB_IMAGE=none until a pipeline has
# built one.
web_image := env("WEB_IMAGE", "")
api_image := env("API_IMAGE", "")
web_context := env("WEB_CONTEXT", "")
api_context := env("API_CONTEXT", "")
web_archive := env("WEB_ARCHIVE", "")
api_archive := env("API_ARCHIVE", "")
web_is := web_image + web_context + web_archive
api_is := api_image + api_context + api_archive
web_runs := if web_archive != "" { "" } else if web_context != "" { "--context " + quote(web_context) } else if web_image == "none" { "" } else { "--image " + quote(web_image) }
api_runs := if api_archive != "" { "" } else if api_context != "" { "--context " + quote(api_context) } else if api_image == "none" { "" } else { "--image " + quote(api_image) }
web_pushed := if web_archive == "" { "" } else { "--archive " + quote("web=" + web_archive) }
api_pushed := if api_archive == "" { "" } else { "--archive " + quote("api=" + api_archive) }
placeholder := if web_runs + web_pushed == "" { "--placeholder" } else if api_runs + api_pushed == "" { "--placeholder" } else { "" }

# The processor that they run on: arm64, or x86_64, which needs no word.
architecture := if env("ARCHITECTURE", "") == "" { "" } else { "--architecture " + quote(env("ARCHITECTURE")) }

# What a pipeline builds, OWNER/NAME on GitHub, what that is called here, and where.
repository := env("REPOSITORY", "")
source := env("SOURCE", "web")
pipeline_region := env("PIPELINE_REGION", "ap-southeast-1")

# A connection to GitHub that is there already, by its ARN or name; without, one is made.
connection := env("CONNECTION", "")
adopt := if connection == "" { "" } else { "--adopt " + quote(connection) }

export PATH := justfile_directory() / "target/debug" + ":" + justfile_directory() / ".venv/bin" + ":" + env("PATH")

[private]
default:
    @just --list --unsorted --justfile {{quote(justfile())}}

# Make or mend it: web, public on port 80, and api, which only web can reach
[group('environment')]
[no-exit-message]
up *flags: (_up "" flags)

# Tell what `up` would create, change or take away, and change nothing (ends with 10 if anything)
[group('environment')]
[no-exit-message]
plan: (_up "" "--plan")

# The same as `up`, and delete what no app needs any more, such as a dropped app
[group('environment')]
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
      | mk-app web --public --port 5000 --calls api {{architecture}} \
          --set ASPNETCORE_URLS=http://+:5000 \
          --set 'ApiAddress=http://{alb.api.dns}/WeatherForecast' \
          {{ if web_is == "" { error("say what web runs: WEB_IMAGE=REFERENCE, WEB_CONTEXT=DIRECTORY or WEB_ARCHIVE=FILE just up") } else { web_runs } }} ${WEB_FLAGS-} \
      | mk-app api --port 5000 --health /WeatherForecast {{architecture}} \
          --set ASPNETCORE_URLS=http://+:5000 \
          {{ if api_is == "" { error("say what api runs: API_IMAGE=REFERENCE, API_CONTEXT=DIRECTORY or API_ARCHIVE=FILE just up") } else { api_runs } }} ${API_FLAGS-} \
      | mk-vpc ${MK_VPC_FLAGS-} \
      | mk-sg --private-api ${MK_SG_FLAGS-} \
      | mk-alb ${MK_ALB_FLAGS-} \
      | mk-ecr ${MK_ECR_FLAGS-} \
      | push-image {{web_pushed}} {{api_pushed}} ${PUSH_IMAGE_FLAGS-} \
      | mk-role ${MK_ROLE_FLAGS-} \
      | mk-logs ${MK_LOGS_FLAGS-} \
      | mk-ecs-svc {{placeholder}} ${MK_ECS_SVC_FLAGS-} \
      | mk-scaling ${MK_SCALING_FLAGS-} \
      | wait-env ${WAIT_ENV_FLAGS-} \
      | prune-env {{prune}} ${PRUNE_ENV_FLAGS-} {{end}}

# List what is there
[group('environment')]
[no-exit-message]
ls: _named build
    ls-env --env {{quote(name)}} </dev/null

# Delete it and everything in it, images and logs included
[group('environment')]
[confirm("Delete " + name + " and everything in it, images and logs included?")]
[no-exit-message]
down: _named build
    ls-env --env {{quote(name)}} </dev/null \
      | rm-env --confirm {{quote(name)}}

# Tell what `down` would delete, and delete nothing
[group('environment')]
[no-exit-message]
down-plan: _named build
    ls-env --env {{quote(name)}} </dev/null \
      | rm-env --plan

# Build an app, push it, run it and wait until it is healthy: just deploy web ./web, or an image's file
[group('environment')]
[no-exit-message]
deploy app context=("./" + app): _named build
    if [ -f {{quote(context)}} ]; then from=archive; else from=context; fi; \
    ls-env --env {{quote(name)}} --only services </dev/null \
      | push-image "--$from" {{quote(app + "=" + context)}} \
      | mk-ecs-svc ${MK_ECS_SVC_FLAGS-} \
      | wait-env ${WAIT_ENV_FLAGS-}

# Take an app back to what it ran before, and wait until that is healthy
[group('environment')]
[no-exit-message]
rollback app: _named build
    ls-env --env {{quote(name)}} --only services </dev/null \
      | mk-ecs-svc --rollback {{quote(app)}} \
      | wait-env ${WAIT_ENV_FLAGS-}

# Make or mend it: each push to main is built, stored and tagged production
[group('pipeline')]
[no-exit-message]
pipeline-up *flags: (_pipeline "--region " + quote(pipeline_region) flags "" "")

# The same in the region of `up`, and each image is deployed to the app of the same name
[group('pipeline')]
[no-exit-message]
pipeline-up-deploy *flags: (_pipeline "" flags "--deploy" "")

# Tell what `pipeline-up` would create or change, and change nothing
[group('pipeline')]
[no-exit-message]
pipeline-plan: (_pipeline "--region " + quote(pipeline_region) "--plan" "" "")

# The same as `pipeline-up`, and delete what no source needs any more, such as one that was renamed
[group('pipeline')]
[confirm("Delete what nothing in the recipe needs any more of the pipelines of " + name + "?")]
[no-exit-message]
pipeline-prune *flags: (_pipeline "--region " + quote(pipeline_region) flags "" "--confirm " + quote(name))

[no-exit-message]
_pipeline region flags source_flags prune: _named build
    mk-env {{environment_and_suffix}} {{region}} {{ if flags == "" { "" } else { replace(quote(flags), " ", "' '") } }} </dev/null \
      | mk-source {{quote(source)}} {{ if repository == "" { error("say what is built: REPOSITORY=OWNER/NAME just pipeline-up") } else { quote(repository) } }} {{source_flags}} \
      | mk-connection {{adopt}} ${MK_CONNECTION_FLAGS-} \
      | mk-bucket ${MK_BUCKET_FLAGS-} \
      | mk-ecr ${MK_ECR_FLAGS-} \
      | mk-role ${MK_ROLE_FLAGS-} \
      | mk-logs ${MK_LOGS_FLAGS:---retention 7} \
      | mk-build ${MK_BUILD_FLAGS-} \
      | mk-fn ${MK_FN_FLAGS-} \
      | mk-pipeline ${MK_PIPELINE_FLAGS-} \
      | mk-rule ${MK_RULE_FLAGS-} \
      | wait-env ${WAIT_ENV_FLAGS-} \
      | prune-env {{prune}} ${PRUNE_ENV_FLAGS-}

# List what is there
[group('pipeline')]
[no-exit-message]
pipeline-ls: _named build
    ls-env --env {{quote(name)}} --region {{quote(pipeline_region)}} --only pipelines </dev/null

# Draw the pipeline, as SVG: just pipeline-draw > pipeline.svg
[group('pipeline')]
[no-exit-message]
pipeline-draw: _named build
    ls-env --env {{quote(name)}} --region {{quote(pipeline_region)}} --only pipelines </dev/null \
      | draw-env

# Tell what `pipeline-down` would delete, and delete nothing
[group('pipeline')]
[no-exit-message]
pipeline-down-plan: _named build
    ls-env --env {{quote(name)}} --region {{quote(pipeline_region)}} --only pipelines </dev/null \
      | rm-env --plan

# Delete it and everything in it, artifacts, images and logs included
[group('pipeline')]
[confirm("Delete the pipelines of " + name + " and everything in them, artifacts, images and logs included?")]
[no-exit-message]
pipeline-down: _named build
    ls-env --env {{quote(name)}} --region {{quote(pipeline_region)}} --only pipelines </dev/null \
      | rm-env --confirm {{quote(name)}}

# No environment is the default: a wrong one would be taken for the right one.
[no-exit-message]
_named:
    @{{ if suffix == "" { "echo 'say which environment: ENVIRONMENT_SUFFIX=pr123 just …, or just suffix=pr123 …' >&2; exit 2" } else { "" } }}

# Unless told otherwise, the two services of tests/services run there.
# Run a recipe against an AWS on this machine, without a question: just local up
[group('this machine')]
[no-exit-message]
local +recipe:
    eval "$(scripts/local-aws start)" && \
      if [ -z "${WEB_IMAGE-}${WEB_CONTEXT-}${WEB_ARCHIVE-}${API_IMAGE-}${API_CONTEXT-}${API_ARCHIVE-}" ]; then \
        services=$(scripts/build-services) && eval "$services"; fi && \
      ENVIRONMENT_SUFFIX={{quote(if suffix == "" { "local" } else { suffix })}} \
      REPOSITORY="${REPOSITORY:-owner/web}" just --yes {{ replace(quote(recipe), " ", "' '") }}

# Stop the AWS on this machine, and forget what was made in it
[group('this machine')]
local-stop:
    scripts/local-aws stop

# Build the tools
[group('development of the tools')]
build:
    @cargo build --locked --quiet --workspace

# Show the whole of it on this machine: up, ls, up again, down
[group('this machine')]
demo:
    scripts/demo

# Check one tool: its unit tests, its tests/TOOL.rs, its clippy
[group('development of the tools')]
check tool:
    @scripts/venv
    cargo build --quiet --locked --workspace --bins
    cargo test --quiet --locked --package {{quote(tool)}} --bins {{ if path_exists("tools" / tool / "src/lib.rs") == "true" { "--lib" } else { "" } }}
    cargo test --quiet --locked --workspace --test {{quote(tool)}}
    cargo clippy --quiet --locked --package {{quote(tool)}} --all-targets -- -D warnings

# Run every test
[group('development of the tools')]
test:
    scripts/test

# Kill the recipes at every change, lose every answer, race, throttle; a hundred apps
[group('development of the tools')]
torture: build
    scripts/venv
    TORTURE=all cargo test --locked --workspace --test change --test convergence --test races --test scale

# Check style, and that every tool has all its parts
[group('development of the tools')]
lint:
    cargo fmt --check
    cargo clippy --locked --quiet --workspace --all-targets -- -D warnings
    scripts/deny
    scripts/lint-python
    scripts/check

# Measure calls, depth, time and memory of the recipes on this machine
[group('development of the tools')]
bench: build
    scripts/venv
    .venv/bin/python scripts/bench

# Write a justfile for services of your own: just init ~/shop 'web --public --context ./web' 'api …'
[group('environment')]
[positional-arguments]
[no-exit-message]
init directory +apps: build
    @cd {{quote(invocation_directory())}} && {{quote(justfile_directory() / "scripts/init")}} "$@"

# Install the tools and their manual pages for this user
[group('this machine')]
install:
    set +f; for tool in tools/*/src/main.rs; do \
      cargo install --locked --path "${tool%/src/main.rs}"; done
    mkdir -p ~/.local/share/man/man1 ~/.local/share/man/man5 ~/.local/share/man/man7
    set +f; for page in man/*; do cp "$page" ~/.local/share/man/man"${page##*.}"/; done
