-- part: stored
-- What the row of `app` holds for `told`; or, where that is of an earlier form than `published.FORM`, the sections to make it of.
case when get_byte(app.site, 0) >= 1 then app.site else convert_to((
    jsonb_build_object('meta', app.published -> 'meta', 'build_config', app.published -> 'build_config')
    #- '{build_config,secrets}')::text, 'UTF8') end
