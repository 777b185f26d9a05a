//! The adapter against the strict emulator, which the vendor's own clients have judged.

#![expect(clippy::unwrap_used, reason = "what is amiss in a test shall stop it")]

mod presigned;
mod strangers;
mod world;

picora_testcloud::store_promises!(crate::world::fresh);

/// What sends every kind of request, signed by the first version.
mod old {
    picora_testcloud::store_promises! { @own crate::world::old;
        bytes: keys_and_headers_of_all_kinds_come_back, a_second_create_is_refused;
        tiers: ten_moves_keep_every_header_and_every_byte, an_archived_object_is_frozen_until_it_is_restored;
    }
    picora_testcloud::store_promises! { @object_store crate::world::old;
        put_get_delete_list(), list_with_delimiter(), copy_if_not_exists(), multipart_out_of_order()
    }
}
