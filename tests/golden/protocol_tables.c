/* Prints the tables of docs/PROTOCOL.md from the tables that the code runs on, in the form in which they stand there.
 * tests/golden/check_protocol.py compares the two. */
#include <stdio.h>
#include <string.h>

#include "proto/st_internal.h"
#include "proto/st_messages.h"

enum { ELEMENTS_MAX = 64 };

static const struct st_schema *elements[ELEMENTS_MAX];
static size_t element_count;

static void note_element(const struct st_schema *schema)
{
    for (size_t i = 0; i < element_count; i++) {
        if (elements[i] == schema)
            return;
    }
    if (element_count < ELEMENTS_MAX)
        elements[element_count++] = schema;
}

static void print_range(const char *unit, uint64_t low, uint64_t high)
{
    if (low == high)
        printf("%llu%s", (unsigned long long)low, unit);
    else if (high == ST_UINT_MAX)
        printf("%llu to 2^53%s", (unsigned long long)low, unit);
    else
        printf("%llu to %llu%s", (unsigned long long)low, (unsigned long long)high, unit);
}

static void print_field(const struct st_field *field)
{
    printf("| %u | %s | ", field->key, field->name);
    switch (field->kind) {
    case ST_KIND_UINT:
        printf("uint | ");
        print_range("", field->min, field->max);
        break;
    case ST_KIND_BYTES:
        printf("bin | ");
        print_range(" bytes", field->min, field->max);
        break;
    case ST_KIND_TEXT:
    case ST_KIND_PROSE:
        printf("%s | ", field->kind == ST_KIND_TEXT ? "text" : "prose");
        print_range(" bytes", field->min, field->max);
        break;
    case ST_KIND_RECORDS:
        printf("list of `%s` | ", field->of->name);
        print_range(" items", field->min, field->max);
        note_element(field->of);
        break;
    case ST_KIND_BYTES_LIST:
        printf("list of bin | ");
        print_range(" items", field->min, field->max);
        printf(" of %u bytes", field->item_len);
        break;
    }
    printf(" | %s |\n", field->optional ? "may be absent" : "");
}

static void print_schema(const struct st_schema *schema)
{
    if (schema->field_count == 0) {
        puts("\nAn empty map.\n");
        return;
    }
    puts("\n| key | field | type | limits | |\n|---|---|---|---|---|");
    for (size_t i = 0; i < schema->field_count; i++)
        print_field(&schema->fields[i]);
    putchar('\n');
}

static void print_messages(const struct st_message_type *types, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        printf("#### `%s`, type %u, from the %s\n", types[i].schema->name, types[i].type, types[i].from);
        print_schema(types[i].schema);
    }
}

static void print_codes(void)
{
    puts("| code | name |\n|---|---|");
    for (uint64_t code = 1; strcmp(st_code_name(code), "unknown") != 0; code++)
        printf("| %llu | %s |\n", (unsigned long long)code, st_code_name(code));
    putchar('\n');
}

int main(int argc, char **argv)
{
    size_t count;
    const char *part = argc > 1 ? argv[1] : "messages";
    if (strcmp(part, "codes") == 0) {
        print_codes();
        return 0;
    }
    const struct st_message_type *types =
        strcmp(part, "service") == 0 ? st_service_message_types(&count) : st_message_types(&count);
    print_messages(types, count);
    for (size_t i = 0; i < element_count; i++) {
        printf("#### list element `%s`\n", elements[i]->name);
        print_schema(elements[i]);
    }
    return 0;
}
