/*
 * Plans are trees whose every node and text is allocated, so that protobuf-c can free them as if it had read them.
 */
#include "engine/spark_message.h"

#include "base/mem.h"

#include <stdlib.h>

#include "base/banned.h"

/* protobuf-c's initialisers cast a const away. */
#pragma GCC diagnostic ignored "-Wcast-qual"

/* A message on the heap, initialised: NEW(Spark__Plan, SPARK__PLAN__INIT). */
#define NEW(type, init)                                                                            \
    ((type *)copy_of(&(const type)init, sizeof(type))) /* NOLINT(bugprone-macro-parentheses) */

static void *copy_of(const void *init, size_t size)
{
    unsigned char *made = mem_alloc(size);

    for (size_t i = 0; i < size; i++)
        made[i] = ((const unsigned char *)init)[i];
    return made;
}

static char **copy_texts(const char *const *texts, size_t count)
{
    char **copies = count ? mem_alloc(count * sizeof *copies) : NULL;

    for (size_t i = 0; i < count; i++)
        copies[i] = mem_str(texts[i]);
    return copies;
}

static Spark__Option **copy_options(const struct spark_option *options, size_t count)
{
    Spark__Option **copies = count ? mem_alloc(count * sizeof(void *)) : NULL;

    for (size_t i = 0; i < count; i++) {
        copies[i] = NEW(Spark__Option, SPARK__OPTION__INIT);
        copies[i]->key = mem_str(options[i].key);
        copies[i]->value = mem_str(options[i].value);
    }
    return copies;
}

/* ---- relations ---- */

static Spark__Relation *relation_of(const struct spark_relation *from);

static Spark__Relation *sql_of(const char *query)
{
    Spark__Relation *made = NEW(Spark__Relation, SPARK__RELATION__INIT);

    made->rel_type_case = SPARK__RELATION__REL_TYPE_SQL;
    made->sql = NEW(Spark__SQL, SPARK__SQL__INIT);
    made->sql->query = mem_str(query);
    return made;
}

static Spark__Relation *alias_of(const struct spark_input *input)
{
    Spark__Relation *made = NEW(Spark__Relation, SPARK__RELATION__INIT);

    made->rel_type_case = SPARK__RELATION__REL_TYPE_SUBQUERY_ALIAS;
    made->subquery_alias = NEW(Spark__SubqueryAlias, SPARK__SUBQUERY_ALIAS__INIT);
    made->subquery_alias->alias = mem_str(input->name);
    made->subquery_alias->input = relation_of(input->relation);
    return made;
}

static Spark__Relation *query_of(const struct spark_relation *from)
{
    Spark__Relation *made;
    Spark__WithRelations *with;

    if (from->input_count == 0)
        return sql_of(from->query);
    made = NEW(Spark__Relation, SPARK__RELATION__INIT);
    with = NEW(Spark__WithRelations, SPARK__WITH_RELATIONS__INIT);
    made->rel_type_case = SPARK__RELATION__REL_TYPE_WITH_RELATIONS;
    made->with_relations = with;
    with->root = sql_of(from->query);
    with->n_references = from->input_count;
    with->references = mem_alloc(from->input_count * sizeof(void *));
    for (size_t i = 0; i < from->input_count; i++)
        with->references[i] = alias_of(&from->inputs[i]);
    return made;
}

static Spark__Relation *read_of(const struct spark_relation *from)
{
    Spark__Relation *made = NEW(Spark__Relation, SPARK__RELATION__INIT);
    Spark__Read__DataSource *source = NEW(Spark__Read__DataSource, SPARK__READ__DATA_SOURCE__INIT);

    made->rel_type_case = SPARK__RELATION__REL_TYPE_READ;
    made->read = NEW(Spark__Read, SPARK__READ__INIT);
    made->read->read_type_case = SPARK__READ__READ_TYPE_DATA_SOURCE;
    made->read->is_streaming = from->is_streaming;
    made->read->data_source = source;
    source->format = mem_str(from->format);
    if (from->schema)
        source->schema = mem_str(from->schema);
    source->n_paths = from->path_count;
    source->paths = copy_texts(from->paths, from->path_count);
    source->n_options = from->option_count;
    source->options = copy_options(from->options, from->option_count);
    return made;
}

static Spark__Expression *expression_of(const char *text)
{
    Spark__Expression *made = NEW(Spark__Expression, SPARK__EXPRESSION__INIT);

    made->expr_type_case = SPARK__EXPRESSION__EXPR_TYPE_EXPRESSION_STRING;
    made->expression_string =
        NEW(Spark__Expression__ExpressionString, SPARK__EXPRESSION__EXPRESSION_STRING__INIT);
    made->expression_string->expression = mem_str(text);
    return made;
}

static Spark__Relation *project_of(const struct spark_relation *from)
{
    Spark__Relation *made = NEW(Spark__Relation, SPARK__RELATION__INIT);
    Spark__Project *project = NEW(Spark__Project, SPARK__PROJECT__INIT);

    made->rel_type_case = SPARK__RELATION__REL_TYPE_PROJECT;
    made->project = project;
    project->input = read_of(from);
    project->n_expressions = from->column_count;
    project->expressions = mem_alloc(from->column_count * sizeof(void *));
    for (size_t i = 0; i < from->column_count; i++)
        project->expressions[i] = expression_of(from->columns[i]);
    return made;
}

static Spark__Relation *relation_of(const struct spark_relation *from)
{
    if (from->query)
        return query_of(from);
    return from->column_count > 0 ? project_of(from) : read_of(from);
}

/* ---- plans ---- */

Spark__Plan *spark_plan_of_relation(const struct spark_relation *relation)
{
    Spark__Plan *plan = NEW(Spark__Plan, SPARK__PLAN__INIT);

    plan->op_type_case = SPARK__PLAN__OP_TYPE_ROOT;
    plan->root = relation_of(relation);
    return plan;
}

static Spark__Plan *plan_of_command(Spark__Command__CommandTypeCase kind, Spark__Command **ret)
{
    Spark__Plan *plan = NEW(Spark__Plan, SPARK__PLAN__INIT);

    plan->op_type_case = SPARK__PLAN__OP_TYPE_COMMAND;
    plan->command = NEW(Spark__Command, SPARK__COMMAND__INIT);
    plan->command->command_type_case = kind;
    *ret = plan->command;
    return plan;
}

Spark__Plan *spark_plan_of_statement(const char *statement)
{
    Spark__Command *command;
    Spark__Plan *plan = plan_of_command(SPARK__COMMAND__COMMAND_TYPE_SQL_COMMAND, &command);

    command->sql_command = NEW(Spark__SqlCommand, SPARK__SQL_COMMAND__INIT);
    command->sql_command->input = sql_of(statement);
    return plan;
}

Spark__Plan *spark_plan_of_write(const struct spark_write *from)
{
    static const Spark__WriteOperation__SaveMode modes[] = {
        [SPARK_ERROR_IF_EXISTS] = SPARK__WRITE_OPERATION__SAVE_MODE__ERROR_IF_EXISTS,
        [SPARK_APPEND] = SPARK__WRITE_OPERATION__SAVE_MODE__APPEND,
        [SPARK_OVERWRITE] = SPARK__WRITE_OPERATION__SAVE_MODE__OVERWRITE,
    };
    Spark__Command *command;
    Spark__Plan *plan = plan_of_command(SPARK__COMMAND__COMMAND_TYPE_WRITE_OPERATION, &command);
    Spark__WriteOperation *write = NEW(Spark__WriteOperation, SPARK__WRITE_OPERATION__INIT);

    command->write_operation = write;
    write->input = relation_of(from->from);
    write->source = mem_str(from->format);
    write->save_type_case = SPARK__WRITE_OPERATION__SAVE_TYPE_PATH;
    write->path = mem_str(from->path);
    write->mode = modes[from->mode];
    write->n_partitioning_columns = from->partition_count;
    write->partitioning_columns = copy_texts(from->partition_by, from->partition_count);
    write->n_options = from->option_count;
    write->options = copy_options(from->options, from->option_count);
    return plan;
}

/* ---- streaming ---- */

Spark__Plan *spark_plan_of_stream(const struct spark_stream *from)
{
    Spark__Command *command;
    Spark__Plan *plan =
        plan_of_command(SPARK__COMMAND__COMMAND_TYPE_WRITE_STREAM_OPERATION_START, &command);
    Spark__WriteStreamOperationStart *start =
        NEW(Spark__WriteStreamOperationStart, SPARK__WRITE_STREAM_OPERATION_START__INIT);

    command->write_stream_operation_start = start;
    start->input = relation_of(from->from);
    start->format = mem_str(from->format);
    start->n_options = from->option_count;
    start->options = copy_options(from->options, from->option_count);
    start->output_mode = mem_str("append");
    start->query_name = mem_str(from->name);
    start->sink_destination_case = SPARK__WRITE_STREAM_OPERATION_START__SINK_DESTINATION_PATH;
    start->path = mem_str(from->path);
    if (from->interval) {
        start->trigger_case = SPARK__WRITE_STREAM_OPERATION_START__TRIGGER_PROCESSING_TIME_INTERVAL;
        start->processing_time_interval = mem_str(from->interval);
    } else {
        start->trigger_case = SPARK__WRITE_STREAM_OPERATION_START__TRIGGER_AVAILABLE_NOW;
        start->available_now = true;
    }
    return plan;
}

Spark__Plan *spark_plan_of_command(const struct spark_query *query,
                                   Spark__StreamingQueryCommand__CommandCase what)
{
    Spark__Command *command;
    Spark__Plan *plan =
        plan_of_command(SPARK__COMMAND__COMMAND_TYPE_STREAMING_QUERY_COMMAND, &command);
    Spark__StreamingQueryCommand *made =
        NEW(Spark__StreamingQueryCommand, SPARK__STREAMING_QUERY_COMMAND__INIT);

    command->streaming_query_command = made;
    made->query_id = NEW(Spark__StreamingQueryInstanceId, SPARK__STREAMING_QUERY_INSTANCE_ID__INIT);
    made->query_id->id = mem_str(query->id);
    made->query_id->run_id = mem_str(query->run_id);
    made->command_case = what;
    made->status = true; /* the member of the union that all of them share */
    return plan;
}

Spark__Plan *spark_plan_of_active(void)
{
    Spark__Command *command;
    Spark__Plan *plan =
        plan_of_command(SPARK__COMMAND__COMMAND_TYPE_STREAMING_QUERY_MANAGER_COMMAND, &command);

    command->streaming_query_manager_command =
        NEW(Spark__StreamingQueryManagerCommand, SPARK__STREAMING_QUERY_MANAGER_COMMAND__INIT);
    command->streaming_query_manager_command->command_case =
        SPARK__STREAMING_QUERY_MANAGER_COMMAND__COMMAND_ACTIVE;
    command->streaming_query_manager_command->active = true;
    return plan;
}

void spark_plan_free(Spark__Plan *plan)
{
    spark__plan__free_unpacked(plan, NULL);
}

/* ---- types ---- */

void spark_type_close(struct spark_type *type)
{
    for (size_t i = 0; i < type->field_count; i++)
        spark_type_close(&type->fields[i]);
    free(type->fields);
    free(type->name);
    *type = (struct spark_type){0};
}

static void add_field(struct spark_type *type, const Spark__DataType *message, const char *name)
{
    struct spark_type field;

    spark_type_of_message(message, name, &field);
    *MEM_PUSH(type->fields, type->field_count) = field;
}

static enum spark_kind kind_of(const Spark__DataType *message)
{
    static const enum spark_kind kinds[] = {
        [SPARK__DATA_TYPE__KIND_BINARY] = SPARK_BINARY,
        [SPARK__DATA_TYPE__KIND_BOOLEAN] = SPARK_BOOLEAN,
        [SPARK__DATA_TYPE__KIND_BYTE] = SPARK_BYTE,
        [SPARK__DATA_TYPE__KIND_SHORT] = SPARK_SHORT,
        [SPARK__DATA_TYPE__KIND_INTEGER] = SPARK_INTEGER,
        [SPARK__DATA_TYPE__KIND_LONG] = SPARK_LONG,
        [SPARK__DATA_TYPE__KIND_FLOAT] = SPARK_FLOAT,
        [SPARK__DATA_TYPE__KIND_DOUBLE] = SPARK_DOUBLE,
        [SPARK__DATA_TYPE__KIND_DECIMAL] = SPARK_DECIMAL,
        [SPARK__DATA_TYPE__KIND_STRING] = SPARK_STRING,
        [SPARK__DATA_TYPE__KIND_CHAR] = SPARK_STRING,
        [SPARK__DATA_TYPE__KIND_VAR_CHAR] = SPARK_STRING,
        [SPARK__DATA_TYPE__KIND_DATE] = SPARK_DATE,
        [SPARK__DATA_TYPE__KIND_TIMESTAMP] = SPARK_TIMESTAMP,
        [SPARK__DATA_TYPE__KIND_TIMESTAMP_NTZ] = SPARK_TIMESTAMP_NTZ,
        [SPARK__DATA_TYPE__KIND_ARRAY] = SPARK_ARRAY,
        [SPARK__DATA_TYPE__KIND_STRUCT] = SPARK_STRUCT,
        [SPARK__DATA_TYPE__KIND_MAP] = SPARK_MAP,
        [SPARK__DATA_TYPE__KIND_VARIANT] = SPARK_VARIANT,
    };
    const size_t which = (size_t)message->kind_case;

    if (which == SPARK__DATA_TYPE__KIND_NULL)
        return SPARK_NULL;
    return which < sizeof kinds / sizeof *kinds && kinds[which] ? kinds[which] : SPARK_OTHER;
}

static void add_fields(struct spark_type *type, const Spark__DataType *message)
{
    if (type->kind == SPARK_ARRAY)
        add_field(type, message->array->element_type, NULL);
    if (type->kind == SPARK_MAP) {
        add_field(type, message->map->key_type, NULL);
        add_field(type, message->map->value_type, NULL);
    }
    for (size_t i = 0; type->kind == SPARK_STRUCT && i < message->struct_->n_fields; i++)
        add_field(type, message->struct_->fields[i]->data_type, message->struct_->fields[i]->name);
}

/* A server may leave out what it must not: that is a type like no other. */
void spark_type_of_message(const Spark__DataType *message, const char *name,
                           struct spark_type *ret_type)
{
    struct spark_type made = {.name = mem_str(name)};

    made.kind = message ? kind_of(message) : SPARK_OTHER;
    if (made.kind == SPARK_DECIMAL) {
        made.precision = message->decimal->precision;
        made.scale = message->decimal->scale;
    }
    if (message)
        add_fields(&made, message);
    *ret_type = made;
}
